"""The store on a file system in memory. The file system is the index: every use asks it.

Nothing is true because it is cached, so several processes, a restart and an engine on the same
volume see the same sessions. Calls are made on the loop without suspending.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from sidecar.clock import Clock
from sidecar.errors import SessionNotFound, StoreFailed, StoreUnavailable
from sidecar.sessions.contents import FolderContents
from sidecar.sessions.counts import Counts
from sidecar.sessions.ending import Ending
from sidecar.sessions.layout import CLOSED, OWN, Layout, NotASession
from sidecar.sessions.listing import list_found, tally_found
from sidecar.sessions.lookup import Found, Lookup
from sidecar.sessions.making import Making
from sidecar.sessions.pin import Pin
from sidecar.sessions.record import PLAIN
from sidecar.sessions.room import Room
from sidecar.sessions.root import ABSENT, Root
from sidecar.sessions.session import Session
from sidecar.sessions.sweep import Sweep

LOG = logging.getLogger("sidecar.sessions")


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
        self._making = Making(layout, clock, counts, check_room=self._check_room, find=self._find)
        self.sweep = Sweep(layout, clock, ttl_limit)
        self._ending = Ending(layout, clock, self._lookup, self.sweep, counts)

    async def open(
        self,
        ttl: float,
        *,
        idle: float | None = None,
        owner: str | None = None,
        state: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        session, end = self._making.make(ttl, idle, owner, state, session_id)
        self._counts.opened += 1
        self.sweep.opened(session.id, end)
        return session

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
            self._counts.errors["get"] += 1
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
            self._counts.errors["close"] += 1
            raise StoreFailed(f"Failed to close session: {error.strerror}") from error
        self._ending.closed(session_id, name, found.created)

    async def list_sessions(self, limit: int, after: str = "") -> list[Session]:
        now = self._clock.boot()
        try:
            found = await asyncio.to_thread(list_found, self._layout, limit, after, now)
        except OSError as error:
            self._counts.errors["list"] += 1
            raise StoreUnavailable(f"Failed to list sessions: {error.strerror}") from error
        return [self._session(session_id, each) for session_id, each in found]

    async def tally(self, key: str) -> dict[str, int]:
        try:
            return await asyncio.to_thread(tally_found, self._layout, key, self._clock.boot())
        except OSError as error:
            self._counts.errors["list"] += 1
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
        """With those of the sweep, which its thread writes."""
        here, removal = self._counts, self.sweep.removal
        return replace(
            here,
            expired=here.expired + removal.ended,
            ages=here.ages + removal.ages,
            errors=here.errors | {"sweep": self.sweep.failures},
        )

    @property
    def on_ended(self) -> Callable[[Session, str], None] | None:
        return self.sweep.expiry.listener

    @on_ended.setter
    def on_ended(self, listener: Callable[[Session, str], None] | None) -> None:
        self.sweep.expiry.listener = listener

    async def start(self) -> None:
        self._ending.background.start()

    async def stop(self) -> None:
        await self._ending.background.stop()
        self._root.close()

    def _check_room(self) -> None:
        self._room.check(self.count())

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
            self._ending.expire(session_id)
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

    def _note_planted(self, session_id: str) -> None:
        self._counts.planted += 1
        if self._counts.planted == 1:
            LOG.warning(
                "%s/%.8s... has the name of a session, but the sidecar did not make it; "
                "this is said once, and counted",
                self._root.path,
                session_id,
            )
