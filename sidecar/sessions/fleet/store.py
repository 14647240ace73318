"""The store on a Redis or Valkey server, which several sidecars share.

The server's clock alone counts, and each operation is one script there (scripts.py): whichever
sidecar a request reaches, it finds what the others did, and no two of them ever win together.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Self

from sidecar.errors import SessionExists, SessionNotFound, StoreFull
from sidecar.sessions.counts import Counts
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.contents import ServerContents
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.leases import Leases, ServerLease
from sidecar.sessions.fleet.operation import Operation
from sidecar.sessions.fleet.server import Server
from sidecar.sessions.fleet.session import age_of, microseconds, owner_word, session_of
from sidecar.sessions.fleet.sweep import Sweep
from sidecar.sessions.record import encode_state
from sidecar.sessions.session import Session, check_given, is_well_formed

# Of sessions that are read at once: a state may have 16 KiB.
_PAGE = 200


class FleetStore(ServerContents):
    """A `Store`."""

    immediate = False

    def __init__(self, server: Server, keys: Keys, max_sessions: int | None = None) -> None:
        counts = Counts()
        super().__init__(server, keys, counts)
        self._max = max_sessions
        self._opening = Operation("open", server, counts)
        self._getting = Operation("get", server, counts)
        self._closing = Operation("close", server, counts)
        self._listing = Operation("list", server, counts)
        self._leases = Leases(Operation("lease", server, counts), keys)
        self.sweep = Sweep(Operation("sweep", server, counts), keys, counts)

    @property
    def on_ended(self) -> Callable[[Session, str], None] | None:
        return self.sweep.listener

    @on_ended.setter
    def on_ended(self, listener: Callable[[Session, str], None] | None) -> None:
        self.sweep.listener = listener

    async def open(
        self,
        ttl: float,
        *,
        idle: float | None = None,
        owner: str | None = None,
        state: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        if session_id is None:
            session_id = str(uuid.uuid4())
        else:
            check_given(session_id)
        text = encode_state(state or {})
        answer = await self._opening.run(
            scripts.OPEN,
            self._keys.of(session_id),
            session_id,
            uuid.uuid4().hex,
            microseconds(ttl),
            "" if idle is None else microseconds(idle),
            owner_word(owner),
            text,
            "" if self._max is None else self._max,
            int(self.on_ended is not None),
        )
        if answer == -1:
            raise SessionExists(session_id)
        if answer == -2:
            self._counts.refused += 1
            raise StoreFull(f"all {self._max} sessions are taken; close one or try again later")
        created, ends, self.sweep.live, former = answer
        if former is not None:
            self._counts.note_expired(age_of(former))
        self._counts.opened += 1
        return session_of(session_id, created, ends, owner_word(owner), text)

    async def get(
        self, session_id: str, owner: str | None = None, *, touch: bool = False
    ) -> Session:
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        keys, word = self._keys.of(session_id), owner_word(owner)
        found = await self._getting.run(scripts.GET, keys, session_id, word, int(touch))
        if found is None:
            raise SessionNotFound(session_id)
        return session_of(session_id, *found)

    async def close(self, session_id: str, owner: str | None = None) -> None:
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        keys, word = self._keys.of(session_id), owner_word(owner)
        closed = await self._closing.run(scripts.CLOSE, keys, session_id, word)
        if closed is None:
            raise SessionNotFound(session_id)
        self.sweep.live, age = closed
        self._counts.note_closed(age_of(age))

    async def try_lease(self, session_id: str) -> ServerLease | None:
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        return await self._leases.take(session_id)

    async def list_sessions(self, limit: int, after: str = "") -> list[Session]:
        found: list[Session] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE)
            ids = await self._ids_after(after, wanted)
            found += await self._shown(ids)
            if len(ids) < wanted:
                break
            after = ids[-1]
        return found

    def apart(self, name: str, *, ttl_limit: float) -> Self:
        return type(self)(self._server, self._keys.apart(name))

    async def tally(self, key: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        page: list[Session] = []
        while page := await self.list_sessions(_PAGE, page[-1].id if page else ""):
            for value in (each.state.get(key) for each in page):
                if isinstance(value, str):
                    counts[value] = counts.get(value, 0) + 1
        return counts

    def count(self) -> int:
        return self.sweep.live

    def counts(self) -> Counts:
        return self._counts

    async def start(self) -> None:
        self.sweep.start()

    async def stop(self) -> None:
        await self.sweep.stop()
        await self._leases.stop()
        await self._server.close()

    async def _ids_after(self, after: str, limit: int) -> list[str]:
        first = b"-" if not after else b"(" + after.encode(errors="surrogateescape")
        order = ("ZRANGEBYLEX", self._keys.ids, first, "+", "LIMIT", 0, limit)
        names = await self._listing.ask(*order)
        return [name.decode() for name in names]

    async def _shown(self, ids: list[str]) -> list[Session]:
        if not ids:
            return []
        records = [self._keys.record(each) for each in ids]
        shown = await self._listing.run(scripts.SHOW, records)
        return [
            session_of(session_id, *each)
            for session_id, each in zip(ids, shown, strict=True)
            if each is not None
        ]
