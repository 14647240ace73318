"""Every store, made in one way, so that one suite runs against all of them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.sessions.root import Root
from sidecar.sessions.store import Store
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock

TTL_LIMIT = 3600.0


class Place(ABC):
    """Where sessions are kept. Each store made here is one more process that uses the place."""

    clock: MovedClock
    _stores: list[Any]

    @abstractmethod
    def store(self, max_sessions: int | None = None) -> Store: ...

    @abstractmethod
    async def sweep(self) -> None:
        """All the background work of every store that is due now."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what a background does that was started."""
        await until(condition)

    async def stop(self, store: Store) -> None:
        """One of its stores."""
        self._stores.remove(store)
        await store.stop()

    async def leave(self) -> None:
        """Stop every store."""
        for store in [*self._stores]:
            await self.stop(store)


class TmpfsPlace(Place):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = MovedClock()
        self._stores: list[TmpfsStore] = []

    def store(
        self, max_sessions: int | None = None, *, expiration_file: bool = False
    ) -> TmpfsStore:
        store = TmpfsStore(
            Root(self.path),
            clock=self.clock,
            ttl_limit=TTL_LIMIT,
            max_sessions=max_sessions,
            expiration_file=expiration_file,
        )
        self._stores.append(store)
        return store

    async def sweep(self) -> None:
        for _ in range(2):
            for store in self._stores:
                sweep(store)

    def names(self) -> set[str]:
        return {entry.name for entry in self.path.iterdir()}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a sweep tells nobody that it is done
            await asyncio.sleep(0.01)


def sweep(store: TmpfsStore) -> None:
    """All the background work that is due now."""
    while any([store.sweep.tick(), store.sweep.removal.tell()]):
        pass
