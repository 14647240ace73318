"""What a session is on disk: names, the marker that holds its times, and the two renames.

    <root>/.tmp-<uuid>/     being made         --rename-->  <root>/<id>/                live
    <root>/<id>/            live               --rename-->  <root>/.del-<id>.<inode>/   closed
                                               --rename-->  <root>/.del-<id>~<inode>/   expired
    <root>/<id>/.sidecar-<boot>                empty; mtime = end of life, atime = made,
                                               executable = there may be a record
    <root>/<id>/.sidecar.record                owner, idle time and state, if there are any
    <root>/<id>/.sidecar.events                the log, if there is one
    <root>/<id>/.sidecar.turn                  empty; locked by the request whose turn it is
    <root>/<id>/.expiration_ts                 only for MHCS, on request
    <root>/<id>/<key>                          the engine's, left alone until the session ends

A rename is the commit of both making and ending, so a process killed at any instruction leaves a
session whole or not at all. There is no fsync: sessions are to survive the process, not the
machine, whose engine's memory is gone as well.

Directories and empty files take no page on tmpfs (120 sessions fitted in a full one of 256 KiB);
a file with one byte takes 4 KiB of a container's usual 64 MiB. So the times are in an inode. The
end is on the boot clock, which nobody can set and all processes share. The directory's own mtime
moves when the engine adds a key, hence the marker. Its inode's number in the name of what ended
keeps apart those that had the same id one after the other.
"""

import contextlib
import json
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import NamedTuple

from sidecar.sessions import files
from sidecar.sessions.record import PLAIN, RECORD, Record, write_record
from sidecar.sessions.root import Root, lock

MAKING = ".tmp-"
ENDED = ".del-"
OWN = ".sidecar"
# model_hosting_container_standards 0.1.16, sagemaker/sessions/manager.py
MHCS_EXPIRATION = ".expiration_ts"
EVENTS = ".sidecar.events"
TURN = ".sidecar.turn"
# How a session ended: what follows its id, in which neither of them can be.
CLOSED, EXPIRED = ".", "~"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PLAIN, _RECORDED = 0o600, 0o700
_KIND_AND_OTHERS = 0o170_000 | 0o077  # of a mode: what it is, and what others may do
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotASession(Exception):
    """Something has the name of a session, but we did not make it."""


class Marker(NamedTuple):
    created: float
    """Wall clock; for display."""
    end: float
    """Boot clock."""
    recorded: bool = False
    """There may be a record beside it. Looking for one in vain would cost 3 us."""
    inode: int = 0


class Layout:
    def __init__(self, root: Root, *, expiration_file: bool = False) -> None:
        self.root = root
        self._expiration_file = expiration_file
        self.marker = f"{OWN}-{_boot()}"

    def create(
        self,
        marker: Marker,
        expires: float,
        record: Record = PLAIN,
        session_id: str | None = None,
    ) -> str:
        """Under an id of ours if none is given. Raises OSError, and then leaves nothing behind:
        one of TAKEN if the id that was given has a directory."""
        fresh = str(uuid.uuid4())
        making = MAKING + fresh
        os.mkdir(making, 0o700, dir_fd=self.root.fd)
        try:
            self._fill(making, marker, expires, record)
            return self._rename(making, session_id or fresh)
        except OSError:
            with contextlib.suppress(OSError):
                self.delete(making)
            raise

    def read(self, session_id: str) -> Marker:
        """Raises NotASession, or OSError as the file system says it."""
        return self.look(session_id)[1]

    def look(self, session_id: str) -> tuple[os.stat_result, Marker]:
        """The directory as it was just before its marker was read."""
        directory, marker = self._stat(session_id)
        return directory, marker_of(marker)

    def end_of(self, session_id: str) -> float:
        """On the boot clock. Raises as `read` does; a restart asks for a million of them."""
        return self._stat(session_id)[1].st_mtime_ns / 1e9

    def _stat(self, session_id: str) -> tuple[os.stat_result, os.stat_result]:
        directory = os.stat(session_id, dir_fd=self.root.fd, follow_symlinks=False)
        vet(directory)
        try:
            return directory, stat_marker(self._marker_of(session_id), self.root.fd)
        except FileNotFoundError:
            # Either there never was a marker, or somebody ended the session just now.
            os.stat(session_id, dir_fd=self.root.fd, follow_symlinks=False)
            raise NotASession from None

    def open(self, session_id: str) -> int:
        """A descriptor of the vetted directory. Raises as `read` does."""
        fd = os.open(session_id, _DIRECTORY, dir_fd=self.root.fd)
        try:
            vet(os.fstat(fd))
        except NotASession:
            os.close(fd)
            raise
        return fd

    def set_end(self, session_id: str, end: float) -> None:
        path, fd = self._marker_of(session_id), self.root.fd
        made = os.stat(path, dir_fd=fd, follow_symlinks=False).st_atime_ns
        os.utime(path, ns=(made, int(end * 1e9)), dir_fd=fd, follow_symlinks=False)

    def announce_record(self, dir_fd: int) -> None:
        """Before the first record comes: a killed process then leaves a vain search at worst."""
        if not read_marker(self.marker, dir_fd).recorded:
            os.chmod(self.marker, _RECORDED, dir_fd=dir_fd)

    def end(self, session_id: str, how: str, inode: int) -> str:
        """The commit of an end; of several callers one gets a name to delete.

        Needs no space. The others get FileNotFoundError.
        """
        return self._rename(session_id, f"{ENDED}{session_id}{how}{inode}")

    def delete_own(self, name: str) -> bool:
        """Delete a directory that holds no more than we put there; False if it is still there.

        Most hold nothing but the marker, so the other names are tried only where that fails.
        """
        for own in ((self.marker,), (RECORD, EVENTS, TURN, files.NEW, MHCS_EXPIRATION)):
            try:
                for file in own:
                    self._unlink(f"{name}/{file}")
                os.rmdir(name, dir_fd=self.root.fd)
            except FileNotFoundError:
                return True
            except OSError:
                continue
            return True
        return False

    def delete(self, name: str) -> None:
        """Delete a directory with all that an engine left in it. May be slow.

        Raises BlockingIOError while somebody else deletes it, or writes into it.
        """
        if not self.delete_own(name):
            with contextlib.suppress(FileNotFoundError):
                self._delete_all(name)

    def _delete_all(self, name: str) -> None:
        fd = os.open(name, _DIRECTORY, dir_fd=self.root.fd)
        try:
            lock(fd)
            shutil.rmtree(name, dir_fd=self.root.fd)
        finally:
            os.close(fd)

    def _unlink(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path, dir_fd=self.root.fd)

    def _rename(self, old: str, new: str) -> str:
        os.rename(old, new, src_dir_fd=self.root.fd, dst_dir_fd=self.root.fd)
        return new

    def _fill(self, making: str, marker: Marker, expires: float, record: Record) -> None:
        self._mark(making, marker)
        if marker.recorded:
            write_record(record, making, dir_fd=self.root.fd)
        if self._expiration_file:
            path = f"{making}/{MHCS_EXPIRATION}"
            files.make(path, json.dumps(expires).encode(), dir_fd=self.root.fd)

    def _mark(self, making: str, marker: Marker) -> None:
        mode = _RECORDED if marker.recorded else _PLAIN
        file = os.open(self._marker_of(making), files.MAKE, mode, dir_fd=self.root.fd)
        try:
            os.utime(file, ns=(int(marker.created * 1e9), int(marker.end * 1e9)))
        finally:
            os.close(file)

    def _marker_of(self, name: str) -> str:
        return f"{name}/{self.marker}"


def read_marker(path: str, dir_fd: int) -> Marker:
    return marker_of(stat_marker(path, dir_fd))


def stat_marker(path: str, dir_fd: int) -> os.stat_result:
    """Raises NotASession, or OSError as the file system says it."""
    entry = os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    if not is_marker(entry):
        raise NotASession
    return entry


def marker_of(entry: os.stat_result) -> Marker:
    recorded = bool(entry.st_mode & stat.S_IXUSR)
    return Marker(entry.st_atime_ns / 1e9, entry.st_mtime_ns / 1e9, recorded, entry.st_ino)


def vet(entry: os.stat_result) -> None:
    """A directory of ours, which nobody else may enter. Raises NotASession."""
    if entry.st_mode & _KIND_AND_OTHERS != stat.S_IFDIR or entry.st_uid != os.geteuid():
        raise NotASession


def is_marker(entry: os.stat_result) -> bool:
    return stat.S_ISREG(entry.st_mode) and entry.st_uid == os.geteuid()


def _boot() -> str:
    """Eight characters that change with each start of the machine."""
    try:
        return _BOOT_ID.read_text()[:8]
    except OSError:
        return "00000000"
