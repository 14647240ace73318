"""The calls of a session in the order of their arrival, over all processes that share the store.

Each call's task is noted in a log of the session as it is accepted; whoever has the session's turn
and is not the first of the log gives the turn back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sidecar.errors import SidecarError
from sidecar.sessions.order import Order
from sidecar.sessions.store import Store

# For each one before it, since none of them tells the next one.
_LOOK: Final = 0.01
_LONGEST_LOOK: Final = 0.2
_TASK: Final = "task"


class Line:
    """log_of: which entry of the store has the log of a session. waits: whether a task still runs,
    or will; the process that it was noted by may have died."""

    def __init__(
        self,
        store: Store,
        order: Order,
        log_of: Callable[[str], str],
        waits: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._order = order
        self._log_of = log_of
        self._waits = waits

    def is_full(self, session_id: str) -> bool:
        return self._order.is_full(session_id)

    async def join(self, session_id: str, task_id: str) -> None:
        """At the end. One that is not in the line joins when it asks for its turn."""
        with suppress(SidecarError):
            await self._store.append(self._log_of(session_id), [{_TASK: task_id}])

    @asynccontextmanager
    async def turn(self, session_id: str, task_id: str) -> AsyncIterator[None]:
        """Raises TooManyWaiting, or SessionNotFound when it has ended meanwhile."""
        while True:
            async with self._order.turn(session_id):
                before = await self._before(session_id, task_id)
                if not before:
                    try:
                        yield
                    finally:
                        await self._leave(session_id, task_id)
                    return
            await asyncio.sleep(min(_LONGEST_LOOK, before * _LOOK))

    async def _before(self, session_id: str, task_id: str) -> int:
        """How many come first. Those that are over are forgotten, by whoever has the turn."""
        log = self._log_of(session_id)
        line = [each.get(_TASK) for each in await self._store.events(log)]
        if task_id not in line:
            await self._store.append(log, [{_TASK: task_id}])
            line.append(task_id)
        over = 0
        while line[over] != task_id and not await self._is_waiting(line[over]):
            over += 1
        if over:
            await self._store.drop_events(log, over)
        return line.index(task_id) - over

    async def _leave(self, session_id: str, task_id: str) -> None:
        log = self._log_of(session_id)
        with suppress(SidecarError):
            if (line := await self._store.events(log)) and line[0].get(_TASK) == task_id:
                await self._store.drop_events(log, 1)

    async def _is_waiting(self, task_id: Any) -> bool:
        return isinstance(task_id, str) and await self._waits(task_id)
