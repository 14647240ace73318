"""A session held by its marker's lock, so that its name means this one and no other.

Callers may choose ids: between a look at a session and the rename that ends it, it may have ended
and another one begun under the same name. So an end is decided and committed under the lock.
"""

import errno
import os
from types import TracebackType
from typing import Self

from sidecar.sessions import files
from sidecar.sessions.layout import Layout, is_marker
from sidecar.sessions.root import lock, unlock

# NONBLOCK: for what somebody may have planted in its place.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Pin:
    """Raises BlockingIOError while another process is ending it, or OSError."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout = layout
        self._name = name
        self._is_kept = False
        path, root = f"{name}/{layout.marker}", layout.root.fd
        self._fd = os.open(path, _FLAGS, dir_fd=root)
        try:
            lock(self._fd)
            self._marker = os.fstat(self._fd)
            there = os.stat(path, dir_fd=root, follow_symlinks=False)
            if there.st_ino != self._marker.st_ino or not is_marker(there):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        except BaseException:
            self.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_kept:
            self.release()

    def keep(self) -> Self:
        """Also beyond the `with`; whoever gets it releases it."""
        self._is_kept = True
        return self

    def holds(self, inode: int, created: float) -> bool:
        """Whether that is the session's marker. Some file systems give a number again at once."""
        return self._marker.st_ino == inode and self._marker.st_atime_ns / 1e9 == created

    def end(self, how: str) -> str:
        """The name to delete."""
        return self._layout.end(self._name, how, self._marker.st_ino)

    def release(self) -> None:
        # Not left to close(2): a child that is being started holds the descriptor until its exec.
        unlock(self._fd)
        files.close(self._fd)
