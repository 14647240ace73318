"""The store on a file system in memory. The file system is the index: every use asks it.

Nothing is cached, so several processes, a restart and an engine on the same volume see the same
sessions. Calls are made on the loop without suspending: a use is two lstat of 2 us each.
"""

import asyncio
import contextlib
import errno
import logging
import math
from dataclasses import dataclass

from sidecar.clock import Clock
from sidecar.errors import SessionNotFound, StoreFailed, StoreFull, StoreUnavailable
from sidecar.sessions.layout import Layout, Lifetime, NotASession
from sidecar.sessions.room import Room
from sidecar.sessions.root import FULL, Root
from sidecar.sessions.session import Session, is_well_formed
from sidecar.sessions.sweep import Sweep

LOG = logging.getLogger("sidecar.sessions")

IDLE = 1.0
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
# EMLINK: ext4 without dir_nlink holds 65,000 directories.
_NO_ROOM = FULL | {errno.EMLINK}


@dataclass(slots=True)
class Counts:
    """Since the start of this process."""

    opened: int = 0
    closed: int = 0
    expired: int = 0
    refused: int = 0
    failed: int = 0
    planted: int = 0


class TmpfsStore:
    """A `Store`. Sessions end at most `ttl_limit` seconds after they are found at a start."""

    def __init__(
        self,
        root: Root,
        *,
        clock: Clock,
        ttl_limit: float,
        max_sessions: int | None = None,
        expiration_file: bool = False,
    ) -> None:
        self._root = root
        self._clock = clock
        self._layout = Layout(root, expiration_file=expiration_file)
        self._room = Room(root, max_sessions)
        self._counts = Counts()
        self._wake = asyncio.Event()
        self._stopping = False
        self._last_failure = ""
        self._background: asyncio.Task[None] | None = None
        self.sweep = Sweep(self._layout, clock, ttl_limit)

    async def open(self, ttl: float) -> Session:
        # The boot clock is read first: time that passes in between then shortens the session,
        # which must not outlive the second that is announced.
        boot, wall = self._clock.boot(), self._clock.wall()
        expires = math.floor(wall + ttl)
        lifetime = Lifetime(wall, boot + (expires - wall))
        try:
            self._room.check(self.count())
            session_id = self._create(lifetime, expires)
        except StoreFull:
            self._counts.refused += 1
            raise
        except OSError as error:
            raise self._not_created(error) from error
        self._counts.opened += 1
        self.sweep.opened(session_id, lifetime.end)
        return Session(session_id, wall, float(expires))

    async def get(self, session_id: str) -> Session:
        try:
            lifetime = self._find(session_id)
        except OSError as error:
            self._counts.failed += 1
            raise StoreUnavailable(f"Failed to read session: {error.strerror}") from error
        # Rounded: some microseconds pass between the two readings of a clock.
        expires = round(self._clock.wall() + (lifetime.end - self._clock.boot()), 3)
        return Session(session_id, lifetime.created, expires)

    async def close(self, session_id: str) -> None:
        try:
            self._find(session_id)
            self._end(session_id)
        except FileNotFoundError:
            raise SessionNotFound(session_id) from None
        except OSError as error:
            self._counts.failed += 1
            raise StoreFailed(f"Failed to close session: {error.strerror}") from error
        self._counts.closed += 1

    def count(self) -> int:
        directories = self._root.directories()
        if directories is None:
            return len(self.sweep)
        return max(0, directories - self.sweep.foreign_directories - self.sweep.undeleted)

    def counts(self) -> Counts:
        return Counts(
            opened=self._counts.opened,
            closed=self._counts.closed,
            expired=self._counts.expired + self.sweep.ended,
            refused=self._counts.refused,
            failed=self._counts.failed,
            planted=self._counts.planted,
        )

    async def start(self) -> None:
        self._background = asyncio.create_task(self._sweep_until_stopped(), name="session sweep")

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._background is not None:
            await self._background
        self.sweep.close()
        self._root.close()

    def _create(self, lifetime: Lifetime, expires: float) -> str:
        """Tried twice: the root may have been deleted, or another process that starts with a
        clock set forward took our half-made directory for an abandoned one."""
        try:
            return self._layout.create(lifetime, expires)
        except FileNotFoundError:
            self._root.revive()
            return self._layout.create(lifetime, expires)

    def _not_created(self, error: OSError) -> StoreFailed | StoreFull:
        if error.errno in _NO_ROOM:
            self._counts.refused += 1
            return StoreFull(
                f"no room for a new session in {self._root.path} ({error.strerror}); "
                "close one or try again later"
            )
        self._counts.failed += 1
        return StoreFailed(f"Failed to create session: {error.strerror}")

    def _find(self, session_id: str) -> Lifetime:
        """Raises SessionNotFound, or OSError where that cannot be told."""
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        try:
            lifetime = self._layout.read(session_id)
        except NotASession:
            self._note_planted(session_id)
            raise SessionNotFound(session_id) from None
        except OSError as error:
            if error.errno in _ABSENT:
                raise SessionNotFound(session_id) from None
            raise
        if lifetime.end <= self._clock.boot():
            self._expire(session_id)
            raise SessionNotFound(session_id)
        return lifetime

    def _expire(self, session_id: str) -> None:
        """Ended by whoever sees it first, so that it is counted once; the sweep tries again."""
        with contextlib.suppress(OSError):
            self._end(session_id)
            self._counts.expired += 1

    def _end(self, session_id: str) -> None:
        name = self._layout.end(session_id)
        if self._layout.delete_own(name):
            self.sweep.ended_and_deleted(session_id)
        else:
            self.sweep.ended_with_files(session_id)
            self._wake.set()

    def _note_planted(self, session_id: str) -> None:
        self._counts.planted += 1
        if self._counts.planted == 1:
            LOG.warning(
                "%s/%.8s... has the name of a session, but the sidecar did not make it; "
                "this is said once, and counted",
                self._root.path,
                session_id,
            )

    async def _sweep_until_stopped(self) -> None:
        while not self._stopping:
            self._wake.clear()
            if await self._tick():
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE)

    async def _tick(self) -> bool:
        try:
            return await asyncio.to_thread(self.sweep.tick)
        except Exception as error:
            # Whatever it was, a store that is never swept again is worse.
            if repr(error) != self._last_failure:
                self._last_failure = repr(error)
                LOG.exception("sweeping the sessions failed; it goes on")
            return False
