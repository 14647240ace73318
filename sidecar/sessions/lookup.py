"""Whether a session is there, with one lstat where nothing has changed since the last look.

A close look takes two calls or more and 7 us in place of 3: the directory is vetted, the marker
and the record are read. Whatever replaces, renames or opens up the directory, or replaces a file
in it, gives the name another inode or this inode another ctime, which nobody can set. So as long
as both are the same, what was found then is true now. The end of a session is no exception, though
utime(2) on a marker leaves no trace in the directory: it is only ever moved ahead while a session
is in use, so one that seems to have passed is looked at again.
"""

import errno
import os
import time
from collections import OrderedDict
from typing import NamedTuple

from sidecar.sessions.layout import Layout, NotASession
from sidecar.sessions.record import PLAIN, Damaged, Record, read_record
from sidecar.sessions.session import is_well_formed

# About 20 MB if each has a record.
_REMEMBERED = 32_768
_RECORD_LIMIT = 512
# Before Linux 6.13 a ctime has the resolution of a tick, 10 ms at most. A change in the same tick
# as the look would not show, so what changed just now is not remembered; Git calls it racy.
_SETTLED = 0.05


class Found(NamedTuple):
    inode: int
    changed: int
    created: float
    """Wall clock."""
    end: float
    """Boot clock."""
    marker: int
    """Its inode's number."""
    record: Record


class Lookup:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._root = layout.root
        self._seen: OrderedDict[str, Found] = OrderedDict()

    def find(self, session_id: str) -> Found:
        """Of any text. Raises NotASession, or OSError as the file system says it."""
        seen = self._seen.get(session_id)
        if seen is None:
            if not is_well_formed(session_id):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return self.look(session_id)
        entry = os.stat(session_id, dir_fd=self._root.fd, follow_symlinks=False)
        if entry.st_ctime_ns == seen.changed and entry.st_ino == seen.inode:
            return seen
        return self.look(session_id)

    def look(self, session_id: str) -> Found:
        """The same, whatever was found before."""
        now = time.time()
        found = look(self._layout, session_id)
        settled = abs(now - found.changed / 1e9) > _SETTLED
        if settled and found.record.idle is None and len(found.record.state) <= _RECORD_LIMIT:
            self._remember(session_id, found)
        else:
            self.forget(session_id)
        return found

    def forget(self, session_id: str) -> None:
        self._seen.pop(session_id, None)

    def _remember(self, session_id: str, found: Found) -> None:
        self._seen[session_id] = found
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def look(layout: Layout, session_id: str) -> Found:
    directory, marker = layout.look(session_id)
    record = PLAIN
    if marker.recorded:
        try:
            record = read_record(session_id, dir_fd=layout.root.fd)
        except Damaged:
            raise NotASession from None
    inode, changed = directory.st_ino, directory.st_ctime_ns
    return Found(inode, changed, marker.created, marker.end, marker.inode, record)
