"""Whose turn it is in a session: an empty file that the request at work has locked.

Its own file, since writers lock the directory and whoever ends the session its marker, both only
for microseconds, and neither is to wait for a request.
"""

import os

from sidecar.sessions import files
from sidecar.sessions.folder import Folder
from sidecar.sessions.layout import TURN
from sidecar.sessions.root import lock, unlock


class FileLease:
    """A `Lease`. The kernel frees it when the process dies."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    async def release(self) -> None:
        if self._fd is not None:
            unlock(self._fd)
            files.close(self._fd)
        self._fd = None


def find(folder: Folder) -> int | None:
    try:
        return files.open_regular(TURN, os.O_RDONLY, dir_fd=folder.fd)
    except FileNotFoundError:
        return None


def make(folder: Folder) -> int:
    """For one writer at a time."""
    return files.open_regular(TURN, os.O_RDONLY | os.O_CREAT, dir_fd=folder.fd)


def take(fd: int) -> FileLease | None:
    try:
        lock(fd)
    except BlockingIOError:
        files.close(fd)
        return None
    return FileLease(fd)
