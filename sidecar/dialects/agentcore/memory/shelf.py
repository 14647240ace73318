"""Where the sessions of a memory are, and what can be done with them there."""

from typing import Any, NamedTuple, Protocol

from sidecar.dialects.agentcore.memory.draft import Draft
from sidecar.dialects.agentcore.memory.event import Event
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import Key
from sidecar.dialects.agentcore.memory.paging import Page
from sidecar.dialects.agentcore.memory.reading import Reading


class Writing(Protocol):
    reading: Reading

    async def create(self, memory: Memory, key: Key, draft: Draft) -> Event: ...

    async def delete(self, memory: Memory, key: Key, id_of_event: str) -> None: ...


class Listing(Protocol):
    async def of_actor(
        self, memory: Memory, actor: str, page: Page, *, with_events: bool
    ) -> tuple[list[dict[str, Any]], str]:
        """A page, and where the next one begins, if there is one."""

    async def actors(self, memory: Memory, page: Page) -> tuple[list[dict[str, Any]], str]: ...


class Shelf(NamedTuple):
    events: Writing
    sessions: Listing
