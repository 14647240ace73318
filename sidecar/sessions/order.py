"""Who comes first among the requests of one session.

serialize: one at a time, in the order of their arrival. reject: one at a time, and no waiting.
Within a process this is a queue; between processes the store says whose turn it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.errors import SessionBusy, TooManyWaiting
from sidecar.sessions.store import Lease, Store

# Between processes nobody wakes the next one: it asks again, at first soon.
_FIRST_WAIT = 0.002
_LONGEST_WAIT = 0.05


class _Line:
    __slots__ = ("length", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # first come, first served; whoever leaves is forgotten
        self.length = 0  # with the one whose turn it is


class Order:
    """waits: how many may wait behind the one whose turn it is; 0: `reject`."""

    def __init__(self, store: Store, waits: int) -> None:
        self._store = store
        self._waits = waits
        self._lines: dict[str, _Line] = {}

    def is_full(self, session_id: str) -> bool:
        """Whether no more may wait in this process."""
        line = self._lines.get(session_id)
        return line is not None and line.length > self._waits

    @asynccontextmanager
    async def turn(self, session_id: str) -> AsyncIterator[None]:
        """Raises SessionBusy, TooManyWaiting, or SessionNotFound when it has ended meanwhile."""
        line = self._lines.setdefault(session_id, _Line())
        if line.length > self._waits:
            raise self._refusal()
        line.length += 1
        try:
            async with line.lock:
                lease = await self._lease(session_id)
                try:
                    yield
                finally:
                    await lease.release()
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[session_id]

    async def _lease(self, session_id: str) -> Lease:
        wait = _FIRST_WAIT
        while (lease := await self._store.try_lease(session_id)) is None:
            if not self._waits:
                raise self._refusal()
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        return lease

    def _refusal(self) -> SessionBusy | TooManyWaiting:
        if not self._waits:
            return SessionBusy("a request of this session is being answered: send this one again")
        return TooManyWaiting(
            f"{self._waits} requests of this session wait already (SIDECAR_SESSION_QUEUE): "
            "send this one again later"
        )
