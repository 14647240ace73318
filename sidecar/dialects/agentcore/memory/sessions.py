"""ListSessions, ListActors and ListMemories: which heads there are, in the order of their ids."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NamedTuple

from sidecar.clock import Clock
from sidecar.dialects.agentcore.memory.events import EMPTIED
from sidecar.dialects.agentcore.memory.histories import DAY
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import (
    ALL_HEADS,
    Key,
    after_all,
    heads_of_actor,
    heads_of_memory,
)
from sidecar.dialects.agentcore.memory.paging import Page
from sidecar.dialects.agentcore.memory.reading import Reading
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# What is asked of the store at once: on a file system each call walks the whole directory.
_CHUNK: Final = 100


class Kind(NamedTuple):
    """What is listed: one thing for all heads whose ids begin alike."""

    prefix: str
    group: Callable[[Session], str]
    is_shown: Callable[[Session], Awaitable[bool]]


class Sessions:
    def __init__(self, store: Store, reading: Reading, clock: Clock) -> None:
        self._store = store
        self._reading = reading
        self._clock = clock

    async def of_actor(
        self, memory: Memory, actor: str, page: Page, *, with_events: bool
    ) -> tuple[list[dict[str, Any]], str]:
        """A page, and where the next one begins, if there is one."""

        async def is_shown(head: Session) -> bool:
            return await self._is_shown(memory, head, with_events)

        kind = Kind(heads_of_actor(memory.id, actor), lambda head: head.id, is_shown)
        found, after = await self._page(kind, page)
        return [_summary(head) for head in found], after

    async def actors(self, memory: Memory, page: Page) -> tuple[list[dict[str, Any]], str]:
        async def is_shown(head: Session) -> bool:
            return await self._is_shown(memory, head, with_events=False)

        kind = Kind(
            heads_of_memory(memory.id),
            lambda head: heads_of_actor(memory.id, head.state["actor"]),
            is_shown,
        )
        found, after = await self._page(kind, page)
        return [{"actorId": head.state["actor"]} for head in found], after

    async def memories(self, page: Page) -> tuple[list[str], str]:
        """The ids of those that have a session."""

        async def is_shown(head: Session) -> bool:
            return True

        kind = Kind(ALL_HEADS, lambda head: heads_of_memory(head.state["memory"]), is_shown)
        found, after = await self._page(kind, page)
        return [head.state["memory"] for head in found], after

    async def _page(self, kind: Kind, page: Page) -> tuple[list[Session], str]:
        found: list[Session] = []
        async for head in self._firsts(kind, page.after or kind.prefix):
            if len(found) == page.limit:
                return found, after_all(kind.group(found[-1]))
            found.append(head)
        return found, ""

    async def _firsts(self, kind: Kind, after: str) -> AsyncIterator[Session]:
        """The first head to be shown of each group."""
        done = ""
        while True:
            heads = await self._store.list_sessions(_CHUNK, after)
            for head in heads:
                if not head.id.startswith(kind.prefix):
                    return
                if done and head.id.startswith(done):
                    continue
                if await kind.is_shown(head):
                    yield head
                    done = kind.group(head)
            if len(heads) < _CHUNK:
                return
            last = heads[-1].id
            after = after_all(done) if done and last.startswith(done) else last

    async def _is_shown(self, memory: Memory, head: Session, with_events: bool) -> bool:
        emptied = head.state.get(EMPTIED)
        if not with_events and (emptied is None or self._clock.wall() - emptied < DAY):
            return True
        # It was emptied once: there may be new ones.
        key = Key(head.state["memory"], head.state["actor"], head.state["session"])
        return await self._reading.has_events(memory, key)


def _summary(head: Session) -> dict[str, Any]:
    return {
        "sessionId": head.state["session"],
        "actorId": head.state["actor"],
        "createdAt": round(head.created, 3),
    }
