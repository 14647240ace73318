"""Reading events: of a session, whoever keeps it; a page of them, or one."""

from collections.abc import Iterator
from itertools import islice
from typing import Final, Protocol

from sidecar.clock import Clock
from sidecar.dialects.agentcore.errors import ResourceNotFound
from sidecar.dialects.agentcore.memory.event import Event
from sidecar.dialects.agentcore.memory.filters import Filter
from sidecar.dialects.agentcore.memory.history import History
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import Key
from sidecar.dialects.agentcore.memory.paging import Page
from sidecar.errors import SessionNotFound

# A page may have fewer events than were asked for. 100 of the largest would be 700 MB.
PAGE_SIZE: Final = 4 * 1024 * 1024


class Source(Protocol):
    async def read(self, key: Key) -> History:
        """Raises SessionNotFound."""


class Reading:
    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock

    async def page_of(
        self, memory: Memory, key: Key, chosen: Filter, page: Page
    ) -> tuple[list[Event], bool]:
        """A page, newest first, and whether there is more. Empty where there is no such session."""
        try:
            history = await self._source.read(key)
        except SessionNotFound:
            return [], False
        is_wanted = chosen.wanted(history.branches)
        found = (
            event
            for event in history.newest_first(page.after)
            if self._is_kept(event, memory) and is_wanted(event)
        )
        events = list(islice(_within(PAGE_SIZE, found), page.limit))
        return events, next(found, None) is not None

    async def get(self, memory: Memory, key: Key, id_of_event: str) -> Event:
        return self.live(await self.read(key, id_of_event), memory, id_of_event)

    async def has_events(self, memory: Memory, key: Key) -> bool:
        try:
            return self.has_kept(await self._source.read(key), memory)
        except SessionNotFound:
            return False

    async def read(self, key: Key, id_of_event: str) -> History:
        try:
            return await self._source.read(key)
        except SessionNotFound:
            raise _no_event(id_of_event) from None

    def live(self, history: History, memory: Memory, id_of_event: str) -> Event:
        event = history.get(id_of_event)
        if event is None or not self._is_kept(event, memory):
            raise _no_event(id_of_event)
        return event

    def has_kept(self, history: History, memory: Memory) -> bool:
        return any(self._is_kept(event, memory) for event in history.newest_first())

    def _is_kept(self, event: Event, memory: Memory) -> bool:
        return event.made + memory.keep > self._clock.wall()


def _within(size: int, events: Iterator[Event]) -> Iterator[Event]:
    """The first ones, until they have that much together."""
    for event in events:
        size -= event.size
        yield event
        if size <= 0:
            return


def _no_event(id_of_event: str) -> ResourceNotFound:
    return ResourceNotFound(f"Unable to find event with id {id_of_event}")
