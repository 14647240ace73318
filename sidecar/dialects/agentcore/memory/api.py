"""The memory API: a request comes in, an answer goes out. What happens is in the other files."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.answers import MEMORY, ok, ok_text, refuse
from sidecar.dialects.agentcore.errors import Unsupported
from sidecar.dialects.agentcore.fields import Fields
from sidecar.dialects.agentcore.memory import draft, filters, paging, record_filters
from sidecar.dialects.agentcore.memory.conversations import Conversations
from sidecar.dialects.agentcore.memory.event import Event
from sidecar.dialects.agentcore.memory.events import Events
from sidecar.dialects.agentcore.memory.memories import Memories, Memory
from sidecar.dialects.agentcore.memory.names import Key
from sidecar.dialects.agentcore.memory.records import Records
from sidecar.dialects.agentcore.memory.routes import Call, call
from sidecar.dialects.agentcore.memory.rules import LENIENT, STRICT
from sidecar.dialects.agentcore.memory.sessions import Sessions
from sidecar.dialects.agentcore.memory.shelf import Shelf
from sidecar.dialects.intent import Answer, ApiRequest
from sidecar.errors import SidecarError
from sidecar.sessions.store import EVENTS_LIMIT, Store

# The largest event that a store takes, written as JSON inside JSON. AWS takes 100 messages of
# 100,000 characters.
BODY_LIMIT: Final = EVENTS_LIMIT

_EVENT_CURSOR: Final = "[0-9]{19}#[0-9a-f]{8,}"
_STORE_CURSOR: Final = "[0-9a-zA-Z-]+"
_NO_LONG_TERM: Final = (
    "long-term memory extraction/semantic search is not provided by this sidecar; "
    "records that you write yourself are: BatchCreateMemoryRecords, ListMemoryRecords"
)
_NO_CONTROL: Final = (
    "this sidecar has no control plane for memories; declare them in SIDECAR_AGENTCORE_MEMORIES, "
    "or use any id while none is declared"
)
_UNSUPPORTED: Final[Mapping[str, str]] = {
    "RetrieveMemoryRecords": _NO_LONG_TERM,
    "IngestData": _NO_LONG_TERM,
    "ListMemoryExtractionJobs": _NO_LONG_TERM,
    "StartMemoryExtractionJob": _NO_LONG_TERM,
    "CreateMemory": _NO_CONTROL,
    "UpdateMemory": _NO_CONTROL,
    "DeleteMemory": _NO_CONTROL,
}


class MemoryApi:
    """`declared`: how many days events are kept, by memory id. With none, any id is a memory.

    `conversations`: the id of a memory whose sessions are another store's.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        declared: Mapping[str, int],
        expiry_days: int,
        strict: bool,
        conversations: tuple[str, Store] | None = None,
    ) -> None:
        self._rules = STRICT if strict else LENIENT
        self._memories = Memories(declared, expiry_days, self._rules)
        events = Events(store, clock)
        self._sessions = Sessions(store, events.reading, clock)
        self._own = Shelf(events, self._sessions)
        self._shelves: dict[str, Shelf] = {}
        if conversations is not None:
            memory, others = conversations
            kept = Conversations(others, clock)
            self._shelves[memory] = Shelf(kept, kept)
        self._records = Records(store, clock, self._rules)
        self._operations: dict[str, Callable[[Call, Fields], Awaitable[Answer]]] = {
            "CreateEvent": self._create_event,
            "ListEvents": self._list_events,
            "GetEvent": self._get_event,
            "DeleteEvent": self._delete_event,
            "ListSessions": self._list_sessions,
            "ListActors": self._list_actors,
            "BatchCreateMemoryRecords": self._create_records,
            "BatchUpdateMemoryRecords": self._update_records,
            "BatchDeleteMemoryRecords": self._delete_records,
            "ListMemoryRecords": self._list_records,
            "GetMemoryRecord": self._get_record,
            "DeleteMemoryRecord": self._delete_record,
            "GetMemory": self._get_memory,
            "ListMemories": self._list_memories,
        }

    async def handle(self, request: ApiRequest) -> Answer:
        try:
            return await self._answer(request)
        except SidecarError as error:
            return refuse(error, MEMORY)

    async def _answer(self, request: ApiRequest) -> Answer:
        asked = call(request.method, request.path)
        if asked.operation in _UNSUPPORTED:
            raise Unsupported(_UNSUPPORTED[asked.operation])
        return await self._operations[asked.operation](asked, Fields.parse(request.body))

    async def _create_event(self, asked: Call, fields: Fields) -> Answer:
        memory = self._memory(asked)
        wanted = draft.draft(fields, self._rules)
        key = Key(memory.id, wanted.actor, wanted.session)
        event = await self._shelf(memory).events.create(memory, key, wanted)
        return ok_text(f'{{"event":{event.answer(asked.labels["m"], key)}}}', 201)

    async def _list_events(self, asked: Call, fields: Fields) -> Answer:
        memory, key = self._memory(asked), self._key(asked)
        chosen, page = filters.parse(fields), paging.page(fields, "e", _EVENT_CURSOR)
        with_payload = fields.boolean("includePayloads", True)
        events, more = await self._shelf(memory).events.reading.page_of(memory, key, chosen, page)
        written = ",".join(
            event.answer(asked.labels["m"], key, with_payload=with_payload) for event in events
        )
        return ok_text(f'{{"events":[{written}]{_next_event(events, more)}}}')

    async def _get_event(self, asked: Call, fields: Fields) -> Answer:
        memory, key = self._memory(asked), self._key(asked)
        event = await self._shelf(memory).events.reading.get(memory, key, asked.labels["e"])
        return ok_text(f'{{"event":{event.answer(asked.labels["m"], key)}}}')

    async def _delete_event(self, asked: Call, fields: Fields) -> Answer:
        memory, key = self._memory(asked), self._key(asked)
        await self._shelf(memory).events.delete(memory, key, asked.labels["e"])
        return ok({"eventId": asked.labels["e"]})

    async def _list_sessions(self, asked: Call, fields: Fields) -> Answer:
        memory = self._memory(asked)
        self._rules.check(asked.labels["a"], None)
        page = paging.page(fields, "s", _STORE_CURSOR)
        chosen = fields.child_or_none("filter")
        with_events = chosen is not None and "eventFilter" in chosen
        if chosen is not None and with_events:
            chosen.choice("eventFilter", ("HAS_EVENTS",))
        found, after = await self._shelf(memory).sessions.of_actor(
            memory, asked.labels["a"], page, with_events=with_events
        )
        return _listed("sessionSummaries", found, "s", after)

    async def _list_actors(self, asked: Call, fields: Fields) -> Answer:
        memory, page = self._memory(asked), paging.page(fields, "a", _STORE_CURSOR)
        found, after = await self._shelf(memory).sessions.actors(memory, page)
        return _listed("actorSummaries", found, "a", after)

    async def _create_records(self, asked: Call, fields: Fields) -> Answer:
        return ok(await self._records.create(self._memory(asked), fields), 201)

    async def _update_records(self, asked: Call, fields: Fields) -> Answer:
        return ok(await self._records.update(self._memory(asked), fields))

    async def _delete_records(self, asked: Call, fields: Fields) -> Answer:
        return ok(await self._records.delete_batch(self._memory(asked), fields))

    async def _list_records(self, asked: Call, fields: Fields) -> Answer:
        memory, chosen = self._memory(asked), record_filters.parse(fields)
        page = paging.page(fields, "r", _STORE_CURSOR)
        found, after = await self._records.page_of(memory, chosen, page)
        return _listed("memoryRecordSummaries", found, "r", after)

    async def _get_record(self, asked: Call, fields: Fields) -> Answer:
        record = await self._records.get(self._memory(asked), asked.labels["r"])
        return ok({"memoryRecord": record})

    async def _delete_record(self, asked: Call, fields: Fields) -> Answer:
        await self._records.delete(self._memory(asked), asked.labels["r"])
        return ok({"memoryRecordId": asked.labels["r"]})

    async def _get_memory(self, asked: Call, fields: Fields) -> Answer:
        return ok({"memory": self._memory(asked).details()})

    async def _list_memories(self, asked: Call, fields: Fields) -> Answer:
        """Those that are declared; or, where any id is a memory, those that have a session."""
        if self._memories.declared:
            page = paging.page(fields, "d", ".*")
            rest = [each for each in self._memories.declared if each.id > page.after]
            shown = rest[: page.limit]
            after = shown[-1].id if len(rest) > page.limit else ""
            return _listed("memories", [memory.summary() for memory in shown], "d", after)
        page = paging.page(fields, "m", _STORE_CURSOR)
        ids, after = await self._sessions.memories(page)
        return _listed(
            "memories", [self._memories.named(each).summary() for each in ids], "m", after
        )

    def _memory(self, asked: Call) -> Memory:
        return self._memories.named(asked.labels["m"])

    def _shelf(self, memory: Memory) -> Shelf:
        return self._shelves.get(memory.id, self._own)

    def _key(self, asked: Call) -> Key:
        labels = asked.labels
        self._rules.check(labels["a"], labels["s"], labels.get("e"))
        return Key(self._memory(asked).id, labels["a"], labels["s"])


def _next_event(events: list[Event], more: bool) -> str:
    return f',"nextToken":"{paging.token("e", events[-1].id)}"' if more else ""


def _listed(name: str, found: list[dict[str, Any]], kind: str, after: str) -> Answer:
    body: dict[str, Any] = {name: found}
    if after:
        body["nextToken"] = paging.token(kind, after)
    return ok(body)
