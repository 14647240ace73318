"""What is done about several replicas now and then: sessions are counted, the lost ones marked.

A replica that was out for too long may come back, as a process that knows nothing. So its sessions
are marked while it is out: whichever process gets their next request then knows, however late that
comes, and also after a restart of the sidecar.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

from sidecar.engine.engine import Engine
from sidecar.engine.health import Prober
from sidecar.engine.keeper import LOST, REPLICA
from sidecar.engine.replicas import Replicas
from sidecar.errors import SidecarError, StoreUnavailable
from sidecar.sessions.store import Store

INTERVAL = 1.0
# And for each session a millisecond. To read one takes 20 us (on tmpfs), in a thread that the loop
# has to share the interpreter with: 2 % of the time, however many there are.
PER_SESSION = 0.001
# Sessions to look at before others get their turn: 4 us each.
PAGE = 500


def watching(
    replicas: Replicas, stores: Sequence[Store], health_path: str | None
) -> Iterator[Coroutine[Any, Any, None]]:
    """What is to run all the time. stores: of all contracts, whose sessions share the replicas."""
    for engine in replicas.engines:
        yield Prober(engine, health_path).run()
    if replicas.several:
        yield Rounds(replicas, *stores).run()


class Rounds:
    def __init__(self, replicas: Replicas, *stores: Store) -> None:
        self._replicas = replicas
        self._stores = stores
        self._marked: set[Engine] = set()

    async def run(self) -> None:
        """For ever."""
        while True:
            with suppress(StoreUnavailable):
                await self.make()
            await asyncio.sleep(max(INTERVAL, PER_SESSION * self._replicas.census.counted))

    async def make(self) -> None:
        """One of them. Raises StoreUnavailable."""
        await self._replicas.census.take(*self._stores)
        lost = {engine for engine in self._replicas.engines if self._replicas.has_lost(engine)}
        self._marked &= lost
        if fresh := lost - self._marked:
            for store in self._stores:
                await self._mark(store, {str(engine.address) for engine in fresh})
            self._marked |= fresh

    async def _mark(self, store: Store, addresses: set[str]) -> None:
        after = ""
        while page := await store.list_sessions(PAGE, after):
            for session in page:
                if session.state.get(REPLICA) in addresses and LOST not in session.state:
                    with suppress(SidecarError):  # it has ended, or the store is full
                        await self._mark_one(store, session.id, addresses)
                    await asyncio.sleep(0)
            after = page[-1].id

    async def _mark_one(self, store: Store, session_id: str, addresses: set[str]) -> None:
        """Its state is read again: it may have been placed anew since it was listed."""
        state = await store.state(session_id)
        if state.get(REPLICA) in addresses:
            await store.save(session_id, {**state, LOST: True})
