"""What is kept for a while and may go before its time, the oldest first, when there is too much."""

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from sidecar.errors import SidecarError
from sidecar.sessions.store import Store


class _Entry(NamedTuple):
    size: int
    until: float


class Kept:
    """Of what this process put into the store; what a former one left ends by itself.

    seconds: after which the store has ended it. most, size: entries, and bytes together.
    """

    def __init__(
        self,
        store: Store,
        *,
        seconds: float,
        most: int,
        size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._most = most
        self._limit = size
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._size = 0

    async def add(self, name: str, size: int) -> None:
        now = self._clock()
        if (before := self._entries.pop(name, None)) is not None:
            self._size -= before.size
        self._entries[name] = _Entry(size, now + self._seconds)
        self._size += size
        while self._entries and next(iter(self._entries.values())).until <= now:
            self._forget()
        while len(self._entries) > self._most or self._size > self._limit:
            await self.drop()

    async def drop(self) -> bool:
        """Make room. False: there is nothing left."""
        if not self._entries:
            return False
        with suppress(SidecarError):
            await self._store.close(self._forget())
        return True

    def _forget(self) -> str:
        name, entry = self._entries.popitem(last=False)
        self._size -= entry.size
        return name
