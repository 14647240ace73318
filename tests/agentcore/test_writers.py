"""Several writers at once, in one process and in two: what was acknowledged is there, once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.memory.histories import CHAPTER_SIZE, LIFETIME
from sidecar.dialects.agentcore.memory.history import follow
from sidecar.dialects.agentcore.memory.names import Key, head_id
from sidecar.dialects.intent import ApiRequest
from sidecar.sessions.root import Root
from sidecar.sessions.session import Session
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.stage import ACTOR, MEMORY, SESSION, Stage, said
from tests.harness.clock import MovedClock
from tests.sessions.redis_place import RedisPlace

EVENTS = f"/memories/{MEMORY}/events"
LIST = f"/memories/{MEMORY}/actor/{ACTOR}/sessions/{SESSION}"


class Distant(TmpfsStore):
    """A store that is waited for, as one over a network is: before each call and after it."""

    random: random.Random

    async def events(self, session_id: str) -> list[dict[str, Any]]:
        await self._travel()
        found = await super().events(session_id)
        await self._travel()
        return found

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._travel()
        await super().append(session_id, events)
        await self._travel()

    async def open(self, *arguments: Any, **named: Any) -> Session:
        await self._travel()
        session = await super().open(*arguments, **named)
        await self._travel()
        return session

    async def get(self, *arguments: Any, **named: Any) -> Session:
        await self._travel()
        return await super().get(*arguments, **named)

    async def _travel(self) -> None:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)


@pytest.fixture(params=[*range(8), "redis"])
async def stages(request: pytest.FixtureRequest, scratch: Path) -> AsyncIterator[list[Stage]]:
    """Two processes' on one place; each number another order of things."""
    if request.param == "redis":
        place = RedisPlace(request.getfixturevalue("moved_redis"))
        yield [Stage(place.clock, place.store()) for _ in range(2)]
        await place.leave()
        return
    clock = MovedClock()
    stores = [Distant(Root(scratch / "memory"), clock=clock, ttl_limit=LIFETIME) for _ in range(2)]
    for store in stores:
        store.random = random.Random(request.param)
    yield [Stage(clock, store) for store in stores]
    for store in stores:
        await store.stop()


@pytest.fixture
def apis(stages: list[Stage]) -> list[MemoryApi]:
    return [stage.api() for stage in stages]


async def call(api: MemoryApi, method: str, path: str, **members: Any) -> dict[str, Any]:
    request = ApiRequest(method, path, "", {}, (), json.dumps(members).encode())
    answer = await api.handle(request)
    assert answer.status in (200, 201), answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def create(api: MemoryApi, text: str, **members: Any) -> str:
    given = {"actorId": ACTOR, "sessionId": SESSION, "eventTimestamp": 1, "payload": [said(text)]}
    answer = await call(api, "POST", EVENTS, **{**given, **members})
    return str(answer["event"]["eventId"])


async def ids(api: MemoryApi) -> list[str]:
    answer = await call(api, "POST", LIST, maxResults=100)
    return [each["eventId"] for each in answer["events"]]


async def test_events_of_one_session_all_count(apis: list[MemoryApi]) -> None:
    texts = [str(number) for number in range(16)]
    made = await asyncio.gather(*(create(apis[int(text) % 2], text) for text in texts))
    assert len(set(made)) == 16
    for api in apis:
        assert await ids(api) == sorted(made, reverse=True)


async def test_one_client_token_gives_one_event(apis: list[MemoryApi]) -> None:
    made = await asyncio.gather(
        *(create(apis[number % 2], str(number), clientToken="t") for number in range(8))
    )
    assert len(set(made)) == 1
    for api in apis:
        assert await ids(api) == made[:1]


async def test_nothing_is_lost_where_chapters_end(
    stages: list[Stage], apis: list[MemoryApi]
) -> None:
    text = "x" * (CHAPTER_SIZE // 3)
    made = await asyncio.gather(*(create(apis[number % 2], text) for number in range(16)))
    for api in [*apis, apis[0]]:
        assert await ids(api) == sorted(set(made), reverse=True)
    assert len(set(made)) == 16
    store, head = stages[0].store, head_id(Key(MEMORY, ACTOR, SESSION))
    # No store session is left of those that two writers began at once.
    kept = {session.id for session in await store.list_sessions(100)}
    assert kept == {head, *follow(await store.events(head))}


async def test_deleted_while_others_write(apis: list[MemoryApi]) -> None:
    made = [await create(apis[0], str(number)) for number in range(6)]
    deletions = [
        call(apis[number % 2], "DELETE", f"{LIST}/events/{each.replace('#', '%23')}")
        for number, each in enumerate(made)
    ]
    added = [create(apis[number % 2], f"new {number}") for number in range(6)]
    done: list[Any] = await asyncio.gather(*deletions, *added)
    for api in apis:
        assert await ids(api) == sorted(done[6:], reverse=True)


async def test_what_the_other_process_wrote_is_seen_at_once(apis: list[MemoryApi]) -> None:
    made = []
    for number in range(10):
        made.append(await create(apis[number % 2], str(number)))
        assert await ids(apis[(number + 1) % 2]) == sorted(made, reverse=True)
