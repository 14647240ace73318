"""ListSessions, ListActors and ListMemories, as boto3 sees them."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.agentcore.stage import ACTOR, MEMORY, SESSION, Calls, Stage, client

pytestmark = pytest.mark.parametrize("stage", ["tmpfs", "redis"], indirect=True)

DAY = 86_400


async def pages(memory: Calls, operation: str, member: str, **members: Any) -> list[list[str]]:
    """The ids of each page, by hand: a token is to come only if there is more."""
    found: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        answer = await memory(operation, memoryId=MEMORY, **members, **token)
        [summaries] = [value for name, value in answer.items() if name.endswith("Summaries")]
        found.append([each[member] for each in summaries])
        if "nextToken" not in answer:
            return found
        token = {"nextToken": answer["nextToken"]}


@pytest.mark.parametrize("size, wanted", [(1, [1] * 6), (4, [4, 2]), (6, [6]), (100, [6])])
async def test_sessions_a_page_at_a_time(memory: Calls, size: int, wanted: Iterable[int]) -> None:
    names = {f"s{number}" for number in range(6)}
    for name in names:
        await memory.create(sessionId=name)
        await memory.create(sessionId=name, actorId="bob")
    found = await pages(memory, "list_sessions", "sessionId", actorId=ACTOR, maxResults=size)
    assert [len(each) for each in found] == wanted
    assert {name for page in found for name in page} == names


@pytest.mark.parametrize("size, wanted", [(1, [1] * 5), (2, [2, 2, 1]), (5, [5])])
async def test_actors_each_once_however_many_sessions(
    memory: Calls, size: int, wanted: Iterable[int]
) -> None:
    actors = {f"actor/{number}" for number in range(5)}
    for actor in actors:
        for session in ("a", "b", "c"):
            await memory.create(actorId=actor, sessionId=session)
    await memory.create(memoryId="other-0123456789", actorId="elsewhere")
    found = await pages(memory, "list_actors", "actorId", maxResults=size)
    assert [len(each) for each in found] == wanted
    assert {name for page in found for name in page} == actors


async def test_an_actor_with_more_sessions_than_are_looked_at_once(memory: Calls) -> None:
    names = {f"s{number}" for number in range(130)}
    for name in names:
        await memory.create(sessionId=name)
    await memory.create(actorId="bob")
    assert set(await memory.actors()) == {ACTOR, "bob"}
    found = await pages(memory, "list_sessions", "sessionId", actorId=ACTOR, maxResults=100)
    assert [len(each) for each in found] == [100, 30]
    assert {name for page in found for name in page} == names


async def test_a_summary_says_when_the_session_began(stage: Stage, memory: Calls) -> None:
    began = stage.clock.wall()
    await memory.create()
    stage.clock.advance(100)
    await memory.create()
    answer = await memory("list_sessions", memoryId=MEMORY, actorId=ACTOR)
    [summary] = answer["sessionSummaries"]
    assert (summary["sessionId"], summary["actorId"]) == (SESSION, ACTOR)
    assert summary["createdAt"].timestamp() == pytest.approx(began, abs=0.01)


async def test_nobody_is_listed_where_nothing_is(memory: Calls) -> None:
    assert await memory.sessions("nobody") == []
    assert await memory.actors() == []


async def test_an_empty_session_is_listed_for_a_day(stage: Stage, memory: Calls) -> None:
    made = await memory.create()
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=made["eventId"])
    assert await memory.sessions() == [SESSION]
    assert await memory.sessions(filter={"eventFilter": "HAS_EVENTS"}) == []
    stage.clock.advance(DAY + 1)
    assert await memory.sessions() == []
    assert await memory.actors() == []


async def test_a_session_that_was_filled_again_stays(stage: Stage, memory: Calls) -> None:
    made = await memory.create()
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=made["eventId"])
    await memory.create("again")
    stage.clock.advance(2 * DAY)
    assert await memory.sessions(filter={"eventFilter": "HAS_EVENTS"}) == [SESSION]
    assert await memory.sessions() == [SESSION]
    assert await memory.actors() == [ACTOR]


async def memories(calls: Calls, size: int) -> list[dict[str, Any]]:
    control = Calls(client(calls.client.meta.endpoint_url, "bedrock-agentcore-control"))
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = await control("list_memories", maxResults=size, **token)
        assert 0 < len(answer["memories"]) <= size
        found += answer["memories"]
        if "nextToken" not in answer:
            return found
        token = {"nextToken": answer["nextToken"]}


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_memories_that_were_declared(stage: Stage, size: int) -> None:
    declared = {"a-0123456789": 7, "b-0123456789": 90, "c-0123456789": 1}
    async with stage.calls(declared=declared) as calls:
        assert [each["id"] for each in await memories(calls, size)] == sorted(declared)


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_memories_that_are_in_use_where_none_was_declared(memory: Calls, size: int) -> None:
    for name in ("a-0123456789", "b-0123456789", "your-memory-id"):
        for actor in ("a", "b"):
            await memory.create(memoryId=name, actorId=actor)
    found = {each["id"] for each in await memories(memory, size)}
    assert found == {"a-0123456789", "b-0123456789", "your-memory-id"}


async def test_details_of_a_memory(stage: Stage) -> None:
    async with stage.calls(declared={MEMORY: 7}) as calls:
        control = Calls(client(calls.client.meta.endpoint_url, "bedrock-agentcore-control"))
        details = (await control("get_memory", memoryId=MEMORY))["memory"]
    assert details["id"] == MEMORY
    assert details["arn"].endswith(f":memory/{MEMORY}")
    assert (details["status"], details["strategies"]) == ("ACTIVE", [])
    assert details["eventExpiryDuration"] == 7


async def test_a_declared_memory_keeps_events_for_its_own_days(stage: Stage) -> None:
    async with stage.calls(declared={MEMORY: 2}, expiry_days=90) as calls:
        await calls.create()
        stage.clock.advance(2 * DAY - 1)
        assert await calls.texts() == ["hello"]
        stage.clock.advance(2)
        assert await calls.texts() == []
