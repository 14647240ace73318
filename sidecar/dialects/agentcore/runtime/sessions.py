"""Runtime sessions in the store: there when a turn wants one, kept while it runs, stopped."""

import asyncio
import uuid
from contextlib import suppress
from hashlib import sha256
from typing import Final

from sidecar.dialects.agentcore.errors import ResourceNotFound, RetryableConflict
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import REPLICA
from sidecar.engine.replicas import Replicas
from sidecar.errors import SessionExists, SessionNotFound, SidecarError
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

_ATTEMPTS: Final = 10
# Between these two lie the ids of runtime sessions (address.py).
_FIRST: Final = "a"
_LAST: Final = "b"
_PAGE: Final = 500
# The SDKs' own attempts of one call lie within a minute.
_STOPPED_FOR: Final = 600.0
# In the state: tells a session from the next one of the same id.
_BORN: Final = "born"


class RuntimeSessions:
    """idle and maximum: seconds."""

    def __init__(self, store: Store, replicas: Replicas, *, idle: float, maximum: float) -> None:
        self._store = store
        self._replicas = replicas
        self.idle = min(idle, maximum)
        self._maximum = maximum
        self.beat = min(1.0, self.idle / 4)
        """How often what runs in a session touches it, and learns that it has ended."""

    async def ensure(self, key: str) -> Session:
        """One that lives, with its idle time begun anew."""
        for _ in range(_ATTEMPTS):
            try:
                session = await self._store.get(key, touch=True)
            except SessionNotFound:
                with suppress(SessionExists):
                    return await self._open(key)
                continue
            if not self._replicas.is_lost(session):
                return session
            with suppress(SessionNotFound):
                await self._store.close(key)
        raise RetryableConflict("the session is being opened and stopped again and again")

    async def still(self, session: Session) -> Session:
        """The same one, with its idle time begun anew. Raises SessionNotFound when it has ended,
        also where a new one has its id."""
        found = await self._store.get(session.id, touch=True)
        if found.state.get(_BORN) != session.state.get(_BORN):
            raise SessionNotFound(session.id)
        return found

    def engine(self, session: Session) -> Engine:
        return self._replicas.of(session)

    async def touch_all(self, engine: Engine) -> None:
        """Those that are placed there."""
        for session in await self._all():
            if not self._replicas.is_lost(session) and self._replicas.of(session) is engine:
                with suppress(SessionNotFound):
                    await self._store.get(session.id, touch=True)
            await asyncio.sleep(0)  # a store on tmpfs never suspends

    async def stop(self, key: str, token: str | None) -> bool:
        """False: the same token has stopped it before. Raises ResourceNotFound."""
        noted = None if token is None else f"s{sha256(f'{key} {token}'.encode()).hexdigest()}"
        if noted is not None and await self._is_there(noted):
            return False
        try:
            await self._store.close(key)
        except SessionNotFound:
            raise ResourceNotFound("Session not found or already terminated") from None
        if noted is not None:
            with suppress(SidecarError):
                await self._store.open(_STOPPED_FOR, session_id=noted)
        return True

    async def _open(self, key: str) -> Session:
        engine = self._replicas.place(for_session=True)
        state = {_BORN: uuid.uuid4().hex}
        if self._replicas.several:
            state[REPLICA] = str(engine.address)
        return await self._store.open(self._maximum, idle=self.idle, state=state, session_id=key)

    async def _all(self) -> list[Session]:
        found: list[Session] = []
        after = _FIRST
        while page := await self._store.list_sessions(_PAGE, after):
            found += [session for session in page if session.id < _LAST]
            after = page[-1].id
            if after > _LAST:
                break
        return found

    async def _is_there(self, key: str) -> bool:
        try:
            await self._store.get(key)
        except SessionNotFound:
            return False
        return True
