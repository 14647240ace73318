"""Who opens and closes sessions for clients: the store alone, or the engine's own API with it."""

from contextlib import suppress
from typing import Protocol

from sidecar.engine.engine import Engine
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound, StoreFailed
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# Where a session's state names the replica that it was placed on,
REPLICA = "replica"
# and says that this one was out for too long: it may be back, but has forgotten the session.
LOST = "replica_lost"


class Keeper(Protocol):
    """`origin` is what the client sent, where a client asked. An owner of None does not ask.

    immediate: no call suspends, so that one step of its coroutine has the result.
    """

    immediate: bool

    async def open(
        self, engine: Engine, origin: EngineRequest | None, owner: str | None
    ) -> Session:
        """A new session on that engine; `said` holds the engine's own words to the client, if there
        are any. Raises SidecarError, and then nothing is left of it."""

    async def close(
        self, session_id: str, origin: EngineRequest | None = None, owner: str | None = None
    ) -> str | None:
        """The engine's own words to the client, if there are any.

        Raises SessionNotFound, or a SidecarError with the session still there.
        """

    async def move(self, session: Session, engine: Engine) -> bool:
        """Place it anew: the replica that it was on is lost. False: it can not go on elsewhere.

        Where another request has just placed it, it stays there; its state says where that is.
        Raises SidecarError, with the session as it was. May suspend in any case.
        """

    async def forget(self, session_id: str) -> None:
        """End a session that nobody can use any more: never announced, or lost by its engine.

        One that cannot be closed ends by itself when its time is over.
        """


class StoreKeeper:
    """Sessions that the engine need not be told of. Suspends only where the store does."""

    def __init__(self, store: Store, ttl: float, *, pins: bool) -> None:
        self._store = store
        self._ttl = ttl
        self._pins = pins  # there are several engines
        self.immediate = store.immediate

    async def open(
        self, engine: Engine, origin: EngineRequest | None, owner: str | None
    ) -> Session:
        state = {REPLICA: str(engine.address)} if self._pins else None
        return await self._store.open(self._ttl, owner=owner, state=state)

    async def close(
        self, session_id: str, origin: EngineRequest | None = None, owner: str | None = None
    ) -> str | None:
        await self._store.close(session_id, owner)
        return None

    async def move(self, session: Session, engine: Engine) -> bool:
        state = await self._store.state(session.id)
        is_marked = LOST in session.state
        is_same = state.get(REPLICA) == session.state.get(REPLICA)
        if LOST in state or (is_same and not is_marked):
            state = {name: value for name, value in state.items() if name != LOST}
            state[REPLICA] = str(engine.address)
            await self._store.save(session.id, state)
        session.state = state
        return True

    async def forget(self, session_id: str) -> None:
        with suppress(SessionNotFound, StoreFailed):
            await self._store.close(session_id)
