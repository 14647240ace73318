"""CreateEvent, ListEvents, GetEvent and DeleteEvent, as boto3 sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sidecar.dialects.agentcore.memory.histories import CHAPTER_SIZE
from sidecar.dialects.agentcore.memory.history import follow
from sidecar.dialects.agentcore.memory.names import Key, head_id
from tests.agentcore.refusals import code, message
from tests.agentcore.stage import ACTOR, MEMORY, SESSION, Calls, Stage, said, text_of

pytestmark = pytest.mark.parametrize("stage", ["tmpfs", "redis"], indirect=True)

ARN = f"arn:aws:bedrock-agentcore:us-west-2:123456789012:memory/{MEMORY}"


async def test_an_event_comes_back_as_it_was_sent(memory: Calls) -> None:
    payload = [
        said("hello"),
        said("hi", "ASSISTANT"),
        {"blob": {"a": [1, 2.5, None, True, '\u2028 \U0001f600 "']}},
        {"json": {"content": {"kind": "click"}}},
    ]
    when = datetime(2025, 10, 9, 8, 53, 20, 123000, tzinfo=UTC)
    made = await memory.create(
        payload=payload, eventTimestamp=when, metadata={"place": {"stringValue": "shop 1"}}
    )
    assert made == {
        "memoryId": MEMORY,
        "actorId": ACTOR,
        "sessionId": SESSION,
        "eventId": "0000001760000000123#00000001",
        "eventTimestamp": when,
        "payload": payload,
        "branch": {"name": "main"},
        "metadata": {"place": {"stringValue": "shop 1"}},
    }
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    found = await memory("get_event", **key, eventId=made["eventId"])
    assert found["event"] == made
    assert (await memory.listed())["events"] == [made]


async def test_status_and_request_id(memory: Calls) -> None:
    answer = await memory(
        "create_event", memoryId=MEMORY, actorId=ACTOR, eventTimestamp=1, payload=[]
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


async def test_without_a_session_one_is_minted(memory: Calls) -> None:
    made = await memory.create(sessionId=None)
    assert len(made["sessionId"]) == 36
    assert await memory.texts(sessionId=made["sessionId"]) == ["hello"]


async def test_newest_first_by_the_events_own_time(memory: Calls) -> None:
    """Not by arrival: a conversation may be brought in later."""
    for seconds in (300, 100, 200):
        await memory.create(str(seconds), eventTimestamp=seconds)
    assert await memory.texts() == ["300", "200", "100"]


async def test_order_within_one_millisecond_is_that_of_arrival(memory: Calls) -> None:
    for number in range(20):
        await memory.create(str(number), eventTimestamp=1_760_000_000.5)
    assert await memory.texts(maxResults=7) == [str(number) for number in range(19, -1, -1)]


@pytest.mark.parametrize(
    "seconds, milliseconds",
    [
        # int(seconds * 1000) of these is one less.
        (1752235548.123, 1752235548123),
        (1760000000.007, 1760000000007),
        (0.0006, 1),
        (0, 0),
        (253402300799.999, 253402300799999),
    ],
)
async def test_times_are_kept_to_the_millisecond(
    memory: Calls, seconds: float, milliseconds: int
) -> None:
    made = await memory.create(eventTimestamp=seconds)
    assert made["eventId"].startswith(f"{milliseconds:019d}#")
    since = made["eventTimestamp"] - datetime(1970, 1, 1, tzinfo=UTC)
    assert since / timedelta(milliseconds=1) == milliseconds


async def test_250_events_in_a_tight_loop_are_paged_back_complete_and_in_order(
    memory: Calls,
) -> None:
    for number in range(250):
        await memory.create(str(number), eventTimestamp=datetime.now(UTC))
    assert await memory.texts(maxResults=100) == [str(number) for number in range(249, -1, -1)]


async def test_a_token_only_if_there_is_more(memory: Calls) -> None:
    for number in range(4):
        await memory.create(str(number), eventTimestamp=number)
    first = await memory.listed(maxResults=2)
    assert [text_of(each) for each in first["events"]] == ["3", "2"]
    # What comes and goes between two pages moves nothing.
    await memory.create("newer", eventTimestamp=10)
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=first["events"][-1]["eventId"])
    second = await memory.listed(maxResults=2, nextToken=first["nextToken"])
    assert [text_of(each) for each in second["events"]] == ["1", "0"]
    assert "nextToken" not in second


async def test_twenty_events_on_a_page_unless_told(memory: Calls) -> None:
    for number in range(21):
        await memory.create(eventTimestamp=number)
    assert len((await memory.listed())["events"]) == 20


async def test_without_payloads(memory: Calls) -> None:
    await memory.create()
    [event] = (await memory.listed(includePayloads=False))["events"]
    assert "payload" not in event
    [event] = (await memory.listed(includePayloads=True))["events"]
    assert event["payload"] == [said("hello")]


async def test_the_same_client_token_twice_gives_one_event(memory: Calls) -> None:
    token = "t" * 33
    first = await memory.create("once", clientToken=token)
    again = await memory.create("twice", clientToken=token, eventTimestamp=1_770_000_000)
    assert again == first
    assert await memory.texts() == ["once"]


async def test_a_client_token_counts_in_its_own_session_only(memory: Calls) -> None:
    await memory.create("a", clientToken="t")
    await memory.create("b", clientToken="t", sessionId="s2")
    assert await memory.texts() == ["a"]
    assert await memory.texts(sessionId="s2") == ["b"]


async def test_a_deleted_event_is_gone_and_the_others_are_not(memory: Calls) -> None:
    made = [await memory.create(str(number), eventTimestamp=number) for number in range(3)]
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    answer = await memory("delete_event", **key, eventId=made[1]["eventId"])
    assert answer["eventId"] == made[1]["eventId"]
    assert await memory.texts() == ["2", "0"]
    for operation in ("get_event", "delete_event"):
        with pytest.raises(ClientError) as caught:
            await memory(operation, **key, eventId=made[1]["eventId"])
        assert code(caught) == ("ResourceNotFoundException", 404)
        assert message(caught) == f"Unable to find event with id {made[1]['eventId']}"


async def test_a_retry_after_the_delete_does_not_bring_the_event_back(memory: Calls) -> None:
    made = await memory.create(clientToken="t")
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=made["eventId"])
    assert await memory.create(clientToken="t") == made
    assert await memory.texts() == []


async def test_unknown_actors_and_sessions_have_no_events(memory: Calls) -> None:
    await memory.create()
    assert await memory.texts(actorId="bob") == []
    assert await memory.texts(sessionId="s2") == []
    assert await memory.texts(memoryId="other-0123456789") == []


async def test_an_arn_and_its_id_are_one_memory(memory: Calls) -> None:
    made = await memory.create(memoryId=ARN)
    assert made["memoryId"] == ARN
    [event] = (await memory.listed())["events"]
    assert event == {**made, "memoryId": MEMORY}


@pytest.mark.parametrize("actor", ["user/1", "team:user", "a%2Fb", "a b", "\u00fc", "a?b#c", "."])
async def test_any_actor_finds_its_own_events(memory: Calls, actor: str) -> None:
    """Those with a slash travel as %2F."""
    await memory.create("mine", actorId=actor)
    assert await memory.texts(actorId=actor) == ["mine"]
    assert await memory.actors() == [actor]
    assert await memory.sessions(actor) == [SESSION]


@pytest.mark.parametrize("mine, other", [("a", "a/"), ("a:b", "a"), ("A", "a"), ("a-b", "a")])
async def test_actors_with_like_names_see_nothing_of_each_other(
    memory: Calls, mine: str, other: str
) -> None:
    made = await memory.create(actorId=mine, sessionId="s")
    assert await memory.texts(actorId=other, sessionId="s") == []
    assert await memory.sessions(other) == []
    with pytest.raises(ClientError) as caught:
        await memory(
            "get_event",
            memoryId=MEMORY,
            actorId=other,
            sessionId="s",
            eventId=made["eventId"],
        )
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_events_end_with_their_days(stage: Stage, memory: Calls) -> None:
    """Each by itself: the session goes on."""
    first = await memory.create("first")
    stage.clock.advance(60 * 86_400)
    await memory.create("second", eventTimestamp=1_760_000_001)
    stage.clock.advance(30 * 86_400 + 1)
    assert await memory.texts() == ["second"]
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    with pytest.raises(ClientError) as caught:
        await memory("get_event", **key, eventId=first["eventId"])
    assert code(caught) == ("ResourceNotFoundException", 404)
    stage.clock.advance(60 * 86_400)
    assert await memory.texts() == []
    stage.clock.advance(30 * 86_400)
    assert await memory.sessions() == []


async def test_a_session_that_is_used_for_years_stays(stage: Stage, memory: Calls) -> None:
    for month in range(40):
        await memory.create(str(month), eventTimestamp=month)
        assert (await memory.texts())[:3] == [
            str(month - each) for each in range(min(month + 1, 3))
        ]
        stage.clock.advance(30 * 86_400)
    assert await memory.texts() == ["39", "38"]


async def test_a_long_history_goes_on_in_chapters(stage: Stage, memory: Calls) -> None:
    text = "x" * (CHAPTER_SIZE // 3)
    for number in range(12):
        await memory.create(f"{number} {text}", eventTimestamp=number)
    # Six store sessions: the head and the chapters. What was read by nobody yet is read now.
    assert len(await stage.store.list_sessions(100)) > 4
    async with stage.calls() as other:
        found = await other.texts(maxResults=5)
    assert [each.split()[0] for each in found] == [str(number) for number in range(11, -1, -1)]


async def test_a_token_is_remembered_in_an_older_chapter(stage: Stage, memory: Calls) -> None:
    text = "x" * (CHAPTER_SIZE // 2)
    first = await memory.create(text, clientToken="t")
    for _ in range(5):
        await memory.create(text)
    async with stage.calls() as other:
        assert await other.create(text, clientToken="t") == first


@pytest.mark.parametrize("place", [0, 5])
async def test_an_event_of_an_older_chapter_can_be_deleted(
    stage: Stage, memory: Calls, place: int
) -> None:
    text = "x" * (CHAPTER_SIZE // 2)
    made = [await memory.create(text, eventTimestamp=number) for number in range(6)]
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=made[place]["eventId"])
    left = [each["eventId"] for each in reversed(made) if each is not made[place]]
    async with stage.calls() as other:
        for calls in (memory, other):
            found = (await calls.listed())["events"]
            assert [each["eventId"] for each in found] == left


async def test_what_was_deleted_behind_our_back_does_not_come_back(
    stage: Stage, memory: Calls
) -> None:
    """An operator has emptied the store, and it is remembered what was in it."""
    await memory.create("old")
    for session in await stage.store.list_sessions(10):
        await stage.store.close(session.id)
    assert await memory.texts() == []
    await memory.create("new")
    assert await memory.texts() == ["new"]


async def test_a_session_goes_on_when_a_part_of_it_is_lost(stage: Stage, memory: Calls) -> None:
    for text in ("x" * (CHAPTER_SIZE // 2), "y" * (CHAPTER_SIZE // 2), "lost"):
        await memory.create(text)
    [*_, last] = follow(await stage.store.events(head_id(Key(MEMORY, ACTOR, SESSION))))
    await stage.store.close(last)
    await memory.create("new", eventTimestamp=1_760_000_001)
    async with stage.calls() as other:
        for calls in (memory, other):
            assert [text[:3] for text in await calls.texts()] == ["new", "yyy", "xxx"]
