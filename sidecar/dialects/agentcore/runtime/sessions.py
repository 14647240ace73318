"""Runtime sessions in the store: there when a turn wants one, kept while it runs, stopped."""

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


class RuntimeSessions:
    """idle and maximum: seconds."""

    def __init__(self, store: Store, replicas: Replicas, *, idle: float, maximum: float) -> None:
        self._store = store
        self._replicas = replicas
        self._idle = idle
        self._maximum = maximum

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

    def engine(self, session: Session) -> Engine:
        return self._replicas.of(session)

    async def touch(self, key: str) -> None:
        """Raises SessionNotFound when it has been stopped."""
        await self._store.get(key, touch=True)

    def count(self) -> int:
        return self._store.count()

    async def touch_all(self, engine: Engine) -> None:
        """Those that are placed there."""
        after = _FIRST
        while page := await self._store.list_sessions(_PAGE, after):
            for session in page:
                if session.id > _LAST:
                    return
                if not self._replicas.is_lost(session) and self._replicas.of(session) is engine:
                    with suppress(SessionNotFound):
                        await self._store.get(session.id, touch=True)
            after = page[-1].id

    async def stop(self, key: str, token: str | None) -> None:
        """Raises ResourceNotFound, unless the same token has stopped it before."""
        noted = None if token is None else f"s{sha256(f'{key} {token}'.encode()).hexdigest()}"
        try:
            await self._store.close(key)
        except SessionNotFound:
            if noted is None or not await self._is_there(noted):
                raise ResourceNotFound("Session not found or already terminated") from None
        else:
            if noted is not None:
                with suppress(SidecarError):
                    await self._store.open(_STOPPED_FOR, session_id=noted)

    async def _open(self, key: str) -> Session:
        engine = self._replicas.place(for_session=True)
        state = {REPLICA: str(engine.address)} if self._replicas.several else None
        return await self._store.open(self._maximum, idle=self._idle, state=state, session_id=key)

    async def _is_there(self, key: str) -> bool:
        try:
            await self._store.get(key)
        except SessionNotFound:
            return False
        return True
