"""Whether there is room for one more session."""

import os

from sidecar.errors import StoreFull
from sidecar.sessions.root import Root

# A directory and its marker.
_INODES = 2
_PAGE = 4096


class Room:
    """A number that the operator gave, or else nine tenths of what was free at the start.

    The second is kept as a reserve of one tenth rather than as a number of sessions: if another
    program fills the file system before our start and leaves later, there is room again.
    """

    def __init__(self, root: Root, max_sessions: int | None) -> None:
        self._root = root
        self._max = max_sessions
        free = self._free()
        self._reserve = 0 if free is None else free // 10

    def check(self, count: int) -> None:
        """Raises StoreFull."""
        if self._max is not None:
            if count >= self._max:
                raise StoreFull(f"all {self._max} sessions are taken; close one or try again later")
            return
        free = self._free()
        if free is not None and free < self._reserve + _INODES:
            raise StoreFull(
                f"the file system of {self._root.path} has no room for a new session; "
                "close one or try again later"
            )

    def _free(self) -> int | None:
        """Inodes that are left; where they are not counted, pages; None where nothing is."""
        space = os.fstatvfs(self._root.fd)
        if space.f_files:
            return space.f_favail
        if space.f_blocks:
            return space.f_bavail * space.f_frsize // _PAGE
        return None
