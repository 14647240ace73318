"""An engine's numbered slots, leased to sessions by every process of the sidecar.

Which are taken is what the states of the live sessions say, so a crash or a restart loses no lease
and keeps none longer than its session lives. Nobody is asked before a slot is taken: it is taken
first, by opening the session, and given back if another one is then seen with it. Of two that take
the same at least one sees the other, as both write before they read.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sidecar.clock import Clock
from sidecar.delegation.calling import EngineFull
from sidecar.delegation.state import ENGINE_ID, OPENING
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import REPLICA
from sidecar.errors import SessionNotFound, StoreFailed
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar.delegation")

_TRIES = 20
_PAGE = 1000

Take = Callable[[int], Awaitable[Session]]


class Slots:
    def __init__(self, store: Store, clock: Clock, size: int) -> None:
        self._store = store
        self._clock = clock
        self._size = size
        self._lock = asyncio.Lock()  # of this process: it only keeps its own from trying in vain

    async def lease(self, engine: Engine, take: Take) -> Session:
        """What `take` opens for a free slot of that engine. Raises EngineFull."""
        async with self._lock:
            for attempt in range(_TRIES):
                free = self._free(engine, await self._sessions())
                if not free:
                    break
                slot = random.choice(free) if attempt else free[0]
                session = await self._taken(engine, slot, take)
                if session is not None:
                    return session
                await asyncio.sleep(random.random() * 0.01)
        raise EngineFull(
            f"all {self._size} slots of the engine at {engine.address} are taken: close a session, "
            "or give the engine more and set the preset's variable (SIDECAR_PRESET_SLOTS) to that"
        )

    async def hold(self, engine: Engine, slot: int, take: Take) -> Session | None:
        """That very slot; None if a session has it."""
        async with self._lock:
            if slot not in self._free(engine, await self._sessions()):
                return None
            return await self._taken(engine, slot, take)

    async def _taken(self, engine: Engine, slot: int, take: Take) -> Session | None:
        session = await take(slot)
        try:
            rivals = [each for each in await self._sessions() if each.id != session.id]
        except BaseException:
            await self._give_back(session)
            raise
        if slot in self._free(engine, rivals):
            return session
        await self._give_back(session)
        return None

    def _free(self, engine: Engine, sessions: list[Session]) -> list[int]:
        taken = {
            str(session.state.get(ENGINE_ID))
            for session in sessions
            if session.state.get(REPLICA) in (None, str(engine.address))
        }
        return [slot for slot in range(self._size) if str(slot) not in taken]

    async def _sessions(self) -> list[Session]:
        """The live ones. What a process that was killed had begun to open is ended first."""
        found, after, now = [], "", self._clock.boot()
        while page := await self._store.list_sessions(_PAGE, after):
            after = page[-1].id
            for session in page:
                if session.state.get(OPENING, now) < now:
                    logger.info("a session was never opened, so its slot is free again")
                    await self._give_back(session)
                else:
                    found.append(session)
            if len(page) < _PAGE:
                break
        return found

    async def _give_back(self, session: Session) -> None:
        with suppress(SessionNotFound, StoreFailed):
            await self._store.close(session.id)
