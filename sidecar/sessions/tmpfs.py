"""The store on a file system in memory. The file system is the index: every use asks it.

Nothing is true because it is cached, so several processes, a restart and an engine on the same
volume see the same sessions. Calls are made on the loop without suspending.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from sidecar.clock import Clock
from sidecar.errors import (
    SessionExists,
    SessionNotFound,
    StoreFailed,
    StoreFull,
    StoreUnavailable,
)
from sidecar.sessions.background import Background
from sidecar.sessions.contents import FolderContents
from sidecar.sessions.counts import Counts
from sidecar.sessions.expiry import Ended
from sidecar.sessions.layout import CLOSED, OWN, Layout, Marker, NotASession
from sidecar.sessions.listing import list_found, tally_found
from sidecar.sessions.lookup import Found, Lookup
from sidecar.sessions.pin import Pin
from sidecar.sessions.record import PLAIN, Record, encode_state
from sidecar.sessions.room import Room
from sidecar.sessions.root import ABSENT, NO_ROOM, TAKEN, Root
from sidecar.sessions.session import Session, check_given
from sidecar.sessions.sweep import Sweep

LOG = logging.getLogger("sidecar.sessions")

# Whoever ends what has the id needs some microseconds between the decision and the rename.
_OPEN_WAITS = (0.0005, 0.001, 0.002)


class TmpfsStore(FolderContents):
    """A `Store`. Sessions end at most `ttl_limit` seconds after they are found at a start."""

    immediate = True

    def __init__(
        self,
        root: Root,
        *,
        clock: Clock,
        ttl_limit: float,
        max_sessions: int | None = None,
        expiration_file: bool = False,
    ) -> None:
        layout, counts = Layout(root, expiration_file=expiration_file), Counts()
        super().__init__(layout, clock, counts)
        self._root = root
        self._lookup = Lookup(layout)
        self._room = Room(root, max_sessions)
        self.sweep = Sweep(layout, clock, ttl_limit)
        self._background = Background(self.sweep)

    async def open(
        self,
        ttl: float,
        *,
        idle: float | None = None,
        owner: str | None = None,
        state: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        if session_id is not None:
            check_given(session_id)
        # The boot clock is read first: time that passes in between then shortens the session,
        # which must not outlive the second that is announced.
        boot, wall = self._clock.boot(), self._clock.wall()
        latest = math.floor(wall + ttl)
        expires = latest if idle is None else min(latest, wall + idle)
        record = PLAIN
        if not (idle is None and owner is None and not state):
            record = Record(owner, idle, boot + (latest - wall), encode_state(state or {}))
        marker = Marker(wall, boot + (expires - wall), record is not PLAIN)
        try:
            self._room.check(self.count())
            session_id = self._create(marker, latest, record, session_id)
        except StoreFull:
            self._counts.refused += 1
            raise
        except OSError as error:
            raise self._not_created(error) from error
        self._counts.opened += 1
        self.sweep.opened(session_id, marker.end)
        return Session(session_id, wall, float(expires), owner, json.loads(record.state))

    async def get(
        self, session_id: str, owner: str | None = None, *, touch: bool = False
    ) -> Session:
        return self.look(session_id, owner, touch=touch)

    def look(self, session_id: str, owner: str | None = None, *, touch: bool = False) -> Session:
        try:
            found = self._find(session_id, owner)
            if touch and found.record.idle is not None:
                found = self._touch(session_id, found, found.record.idle)
        except OSError as error:
            self._counts.failed += 1
            raise StoreUnavailable(f"Failed to read session: {error.strerror}") from error
        return self._session(session_id, found)

    async def close(self, session_id: str, owner: str | None = None) -> None:
        try:
            found = self._find(session_id, owner)
            with Pin(self._layout, session_id) as pin:
                if not pin.holds(found.marker, found.created):
                    # The name is another's by now; from here on it stays with that one.
                    found = self._lookup.look(session_id)
                    self._vet(session_id, found, owner, self._clock.boot())
                name = pin.end(CLOSED)
        except (FileNotFoundError, BlockingIOError, NotASession):
            # Somebody else ends it right now.
            raise SessionNotFound(session_id) from None
        except OSError as error:
            self._counts.failed += 1
            raise StoreFailed(f"Failed to close session: {error.strerror}") from error
        self._delete(session_id, name)
        self._counts.closed += 1

    async def list_sessions(self, limit: int, after: str = "") -> list[Session]:
        now = self._clock.boot()
        try:
            found = await asyncio.to_thread(list_found, self._layout, limit, after, now)
        except OSError as error:
            self._counts.failed += 1
            raise StoreUnavailable(f"Failed to list sessions: {error.strerror}") from error
        return [self._session(session_id, each) for session_id, each in found]

    async def tally(self, key: str) -> dict[str, int]:
        try:
            return await asyncio.to_thread(tally_found, self._layout, key, self._clock.boot())
        except OSError as error:
            self._counts.failed += 1
            raise StoreUnavailable(f"Failed to list sessions: {error.strerror}") from error

    def apart(self, name: str, *, ttl_limit: float) -> Self:
        root = Root(self._root.path / f"{OWN}-{name}")
        return type(self)(root, clock=self._clock, ttl_limit=ttl_limit)

    def count(self) -> int:
        directories = self._root.directories()
        if directories is None:
            return len(self.sweep)
        return max(0, directories - self.sweep.not_live)

    def counts(self) -> Counts:
        return replace(self._counts, expired=self._counts.expired + self.sweep.ended)

    @property
    def on_ended(self) -> Callable[[Session, str], None] | None:
        return self.sweep.expiry.listener

    @on_ended.setter
    def on_ended(self, listener: Callable[[Session, str], None] | None) -> None:
        self.sweep.expiry.listener = listener

    async def start(self) -> None:
        self._background.start()

    async def stop(self) -> None:
        await self._background.stop()
        self._root.close()

    def _create(
        self, marker: Marker, expires: float, record: Record, session_id: str | None
    ) -> str:
        """Tried again: the root may have been deleted, or another process that starts with a
        clock set forward took our half-made directory for an abandoned one, or a session of
        that id has expired and is still there."""
        for wait in _OPEN_WAITS:
            if session_id is not None:
                self._refuse_if_live(session_id)
            try:
                return self._layout.create(marker, expires, record, session_id)
            except FileNotFoundError:
                self._root.revive()
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
                time.sleep(wait)
        return self._layout.create(marker, expires, record, session_id)

    def _refuse_if_live(self, session_id: str) -> None:
        with contextlib.suppress(SessionNotFound):
            self._find(session_id, None)
            raise SessionExists(session_id)

    def _not_created(self, error: OSError) -> StoreFailed | StoreFull:
        if error.errno in NO_ROOM:
            self._counts.refused += 1
            return StoreFull(
                f"no room for a new session in {self._root.path} ({error.strerror}); "
                "close one or try again later"
            )
        self._counts.failed += 1
        return StoreFailed(f"Failed to create session: {error.strerror}")

    def _find(self, session_id: str, owner: str | None) -> Found:
        """Raises SessionNotFound, or OSError where that cannot be told."""
        try:
            found = self._lookup.find(session_id)
            now = self._clock.boot()
            if found.end <= now:
                # Another process may have prolonged it since the last look.
                found = self._lookup.look(session_id)
        except NotASession:
            self._note_planted(session_id)
            raise SessionNotFound(session_id) from None
        except OSError as error:
            if error.errno in ABSENT:
                self._lookup.forget(session_id)
                raise SessionNotFound(session_id) from None
            raise
        if found.end <= now:
            self._expire(session_id)
        self._vet(session_id, found, owner, now)
        return found

    def _vet(self, session_id: str, found: Found, owner: str | None, now: float) -> None:
        is_over = found.end <= now
        if is_over or not (owner is None or hmac.compare_digest(owner, found.record.owner or "")):
            raise SessionNotFound(session_id)

    def _touch(self, session_id: str, found: Found, idle: float) -> Found:
        end = min(found.record.latest, self._clock.boot() + idle)
        try:
            self._layout.set_end(session_id, end)
        except FileNotFoundError:
            raise SessionNotFound(session_id) from None
        return found._replace(end=end)

    def _session(self, session_id: str, found: Found) -> Session:
        # Rounded: some microseconds pass between the two readings of a clock. Not by round(…, 3),
        # which goes by way of text and takes 0.3 us.
        expires = round((self._clock.wall() + (found.end - self._clock.boot())) * 1000) / 1000
        record = found.record
        state = {} if record is PLAIN else json.loads(record.state)
        return Session(session_id, found.created, expires, record.owner, state)

    def _expire(self, session_id: str) -> None:
        """Ended by whoever sees it first, so that it is counted once; the sweep tries again."""
        try:
            ended = self.sweep.expiry.end(session_id)
        except (NotASession, OSError):
            return
        if ended is None:
            return
        self._counts.expired += 1
        if isinstance(ended, Ended):
            self._lookup.forget(session_id)
            self.sweep.ended_untold(session_id, ended)
            self._background.wake()
        else:
            self._delete(session_id, ended)

    def _delete(self, session_id: str, name: str) -> None:
        self._lookup.forget(session_id)
        if self._layout.delete_own(name):
            self.sweep.ended_and_deleted(session_id)
        else:
            self.sweep.ended_with_files(session_id, name)
            self._background.wake()

    def _note_planted(self, session_id: str) -> None:
        self._counts.planted += 1
        if self._counts.planted == 1:
            LOG.warning(
                "%s/%.8s... has the name of a session, but the sidecar did not make it; "
                "this is said once, and counted",
                self._root.path,
                session_id,
            )
