"""One session's directory, held open, so that what is done in it is done in that session alone.

All names are reached by the descriptor, which a session that ends meanwhile takes along.
Writers, and whoever deletes an ended session, hold the directory's lock: a file that came after
the deletion had begun would stay for ever.
"""

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sidecar.clock import Clock
from sidecar.errors import SessionNotFound
from sidecar.sessions import files
from sidecar.sessions.layout import Layout, NotASession, read_marker
from sidecar.sessions.root import ABSENT, lock, unlock
from sidecar.sessions.session import is_well_formed


class Folder:
    """Open one, live, or get SessionNotFound; OSError where that cannot be told."""

    def __init__(self, layout: Layout, clock: Clock, session_id: str) -> None:
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        self._layout = layout
        self._clock = clock
        self._session_id = session_id
        self._is_locked = False
        try:
            self.fd = layout.open(session_id)
        except NotASession:
            raise SessionNotFound(session_id) from None
        except OSError as error:
            if error.errno in ABSENT:
                raise SessionNotFound(session_id) from None
            raise
        try:
            self._check_life()
        except BaseException:
            os.close(self.fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not left to close(2): a child that is being started holds the descriptor until its exec.
        if self._is_locked:
            unlock(self.fd)
        files.close(self.fd)

    def lock(self) -> None:
        """Raises BlockingIOError, or SessionNotFound if it ended before the lock was ours."""
        lock(self.fd)
        self._is_locked = True
        try:
            there = os.stat(self._session_id, dir_fd=self._layout.root.fd, follow_symlinks=False)
        except FileNotFoundError:
            raise SessionNotFound(self._session_id) from None
        if not os.path.samestat(there, os.fstat(self.fd)):
            raise SessionNotFound(self._session_id)

    def names(self) -> Iterator[str]:
        """What the engine keeps in it, and others by the API."""
        with os.scandir(self.fd) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name

    def _check_life(self) -> None:
        try:
            end = read_marker(self._layout.marker, self.fd).end
        except (NotASession, FileNotFoundError):
            raise SessionNotFound(self._session_id) from None
        if end <= self._clock.boot():
            raise SessionNotFound(self._session_id)
