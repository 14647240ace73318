"""What conversation memory keeps, read and written through the memory API, with boto3.

The conversations take place in sessions of another dialect, in their own store.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from botocore.exceptions import ClientError

from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.memory.chat import ChatMemory
from sidecar.sessions.session import Session
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.refusals import code, message
from tests.agentcore.stage import Calls, Stage, client, said, serving, text_of
from tests.agentcore.whole import calling, sidecar
from tests.memory.answers import PAGE
from tests.memory.talk import assistant, user
from tests.memory.test_chat import answer as reply
from tests.memory.test_chat import ask, memory_on, prepared, request
from tests.sessions.contract import TmpfsPlace

TALKS = "talks-0123456789"


@dataclass
class Talks:
    """Both readers of the sessions in `store`."""

    calls: Calls
    chat: ChatMemory
    store: TmpfsStore
    place: TmpfsPlace

    async def texts(self, session: Session, actor: str = "anyone", **members: Any) -> list[str]:
        """Of all messages, event by event, newest event first."""
        answer = await self.calls(
            "list_events", memoryId=TALKS, actorId=actor, sessionId=session.id, **members
        )
        return [
            " ".join(text_of({"payload": [item]}) for item in event["payload"])
            for event in answer["events"]
        ]

    async def create(self, session: str, *texts: str, **members: Any) -> dict[str, Any]:
        given = {
            "memoryId": TALKS,
            "actorId": "anyone",
            "sessionId": session,
            "eventTimestamp": datetime.fromtimestamp(self.place.clock.wall(), UTC),
            "payload": [
                said(text, "USER" if not n % 2 else "ASSISTANT") for n, text in enumerate(texts)
            ],
        }
        answer = await self.calls("create_event", **{**given, **members})
        event: dict[str, Any] = answer["event"]
        return event


@pytest.fixture
async def talks(stage: Stage, scratch: Path) -> AsyncIterator[Talks]:
    place = TmpfsPlace(scratch / "sessions")
    store = place.store()
    chat = replace(memory_on(store), clock=place.clock)
    async with _calling(stage, store) as calls:
        yield Talks(calls, chat, store, place)
    await place.leave()


@asynccontextmanager
async def _calling(stage: Stage, store: TmpfsStore) -> AsyncIterator[Calls]:
    api = MemoryApi(
        stage.store,
        stage.clock,
        declared={},
        expiry_days=90,
        strict=False,
        conversations=(TALKS, store),
    )
    async with serving(api) as url:
        made = client(url)
        yield Calls(made)
        made.close()


async def test_turns_are_events(talks: Talks) -> None:
    session = await talks.store.open(60)
    await ask(talks.chat, session, "hello")
    await ask(talks.chat, session, "again")
    assert await talks.texts(session) == ["again re again", "hello re hello"]
    answer = await talks.calls(
        "list_events", memoryId=TALKS, actorId="anyone", sessionId=session.id, maxResults=1
    )
    [event] = answer["events"]
    assert [item["conversational"]["role"] for item in event["payload"]] == ["USER", "ASSISTANT"]
    assert event["branch"] == {"name": "main"}
    key = {"memoryId": TALKS, "actorId": "anyone", "sessionId": session.id}
    found = await talks.calls("get_event", **key, eventId=event["eventId"])
    assert found["event"] == event
    assert await talks.texts(session, nextToken=answer["nextToken"]) == ["hello re hello"]


async def test_an_event_goes_to_the_engine_with_the_next_request(talks: Talks) -> None:
    session = await talks.store.open(60)
    await ask(talks.chat, session, "hello")
    made = await talks.create(session.id, "by hand", "so be it")
    assert [text_of({"payload": [item]}) for item in made["payload"]] == ["by hand", "so be it"]
    sent = await ask(talks.chat, session, "again")
    assert sent == [
        user("hello"),
        assistant("re hello"),
        user("by hand"),
        assistant("so be it"),
        user("again"),
    ]
    assert len(await talks.texts(session)) == 3


async def test_one_event_for_one_token(talks: Talks) -> None:
    session = await talks.store.open(60)
    first = await talks.create(session.id, "once", clientToken="t")
    assert await talks.create(session.id, "once", clientToken="t") == first
    assert await talks.texts(session) == ["once"]


async def test_no_event_in_the_middle_of_a_turn(talks: Talks) -> None:
    """409 is one that the SDKs send again by themselves."""
    session = await talks.store.open(60)
    lease = await talks.store.try_lease(session.id)
    assert lease is not None
    with pytest.raises(ClientError) as caught:
        await talks.create(session.id, "now")
    assert code(caught) == ("RetryableConflictException", 409)
    await lease.release()
    await talks.create(session.id, "now")
    assert await talks.texts(session) == ["now"]


async def test_what_is_no_text_is_a_blob(talks: Talks) -> None:
    session = await talks.store.open(60)
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
    watch = await prepared(talks.chat, session, request(picture))
    watch.head(PAGE)
    watch.body(reply("nice"))
    await watch.done()
    listed = await talks.calls(
        "list_events", memoryId=TALKS, actorId="anyone", sessionId=session.id
    )
    [event] = listed["events"]
    assert event["payload"] == [{"blob": picture}, said("nice", "ASSISTANT")]


async def test_each_owner_is_an_actor(talks: Talks) -> None:
    owners = ["a" * 64, "b" * 64, None]
    sessions = [await talks.store.open(60, owner=owner) for owner in owners]
    for session in sessions:
        await ask(talks.chat, session, "hello")
    await talks.store.open(60)  # nothing was said in it
    answer = await talks.calls("list_actors", memoryId=TALKS, maxResults=2)
    assert [each["actorId"] for each in answer["actorSummaries"]] == ["a" * 64, "anyone"]
    rest = await talks.calls("list_actors", memoryId=TALKS, nextToken=answer["nextToken"])
    assert [each["actorId"] for each in rest["actorSummaries"]] == ["b" * 64]
    for owner, session in zip(owners, sessions, strict=True):
        actor = owner or "anyone"
        listed = await talks.calls("list_sessions", memoryId=TALKS, actorId=actor)
        [summary] = listed["sessionSummaries"]
        assert (summary["sessionId"], summary["actorId"]) == (session.id, actor)
        assert await talks.texts(session, actor) == ["hello re hello"]
    assert await talks.texts(sessions[0], "b" * 64) == []
    assert await talks.texts(sessions[0], "anyone") == []
    with pytest.raises(ClientError) as caught:
        await talks.create(sessions[0].id, "not mine")
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_sessions_a_page_at_a_time(talks: Talks) -> None:
    names = set()
    for _ in range(5):
        session = await talks.store.open(60)
        await ask(talks.chat, session, "hello")
        names.add(session.id)
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = await talks.calls(
            "list_sessions", memoryId=TALKS, actorId="anyone", maxResults=2, **token
        )
        found += [each["sessionId"] for each in answer["sessionSummaries"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert set(found) == names and len(found) == 5


@pytest.mark.parametrize(
    "members, wanted",
    [
        ({"payload": [{"blob": 1}]}, "a conversation has messages of USER and ASSISTANT only"),
        (
            {"payload": [said("x", "TOOL")]},
            "a conversation has messages of USER and ASSISTANT only",
        ),
        ({"payload": []}, "an event of a conversation has a message"),
        (
            {"branch": {"name": "b", "rootEventId": "1#1"}},
            "a conversation has neither branches nor metadata",
        ),
        (
            {"metadata": {"k": {"stringValue": "v"}}},
            "a conversation has neither branches nor metadata",
        ),
    ],
)
async def test_what_no_conversation_has(talks: Talks, members: dict[str, Any], wanted: str) -> None:
    session = await talks.store.open(60)
    with pytest.raises(ClientError) as caught:
        await talks.create(session.id, "x", **members)
    assert (code(caught), message(caught)) == (("ValidationException", 400), wanted)


async def test_a_conversation_ends_as_a_whole(talks: Talks) -> None:
    session = await talks.store.open(60)
    made = await talks.create(session.id, "x")
    key = {"memoryId": TALKS, "actorId": "anyone", "sessionId": session.id}
    with pytest.raises(ClientError) as caught:
        await talks.calls("delete_event", **key, eventId=made["eventId"])
    assert code(caught) == ("UnsupportedOperationException", 501)
    await talks.store.close(session.id)
    assert await talks.texts(session) == []
    with pytest.raises(ClientError) as caught:
        await talks.create(session.id, "late")
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_other_memories_are_kept_apart(talks: Talks) -> None:
    session = await talks.store.open(60)
    await talks.create(session.id, "x")
    await talks.calls.create("other", actorId="anyone", sessionId=session.id)
    assert await talks.texts(session) == ["x"]
    assert await talks.calls.texts(actorId="anyone", sessionId=session.id) == ["other"]


async def test_both_readers_in_the_whole_sidecar() -> None:
    """The client's own turn is an event; an event goes to the engine with the next turn."""
    seen: list[list[str]] = []

    async def handle(request: web.Request) -> web.Response:
        messages = (await request.json())["messages"]
        seen.append([each["content"] for each in messages])
        return web.json_response({"choices": [{"message": assistant(f"re {seen[-1][-1]}")}]})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", handle)
    variables = {"SIDECAR_MEMORY": "chat", "SIDECAR_AGENTCORE_CONVERSATIONS": TALKS}
    async with (
        TestServer(application) as engine,
        ClientSession() as http,
        sidecar(str(engine.make_url("")).rstrip("/"), **variables) as process,
        calling(process) as memory,
    ):
        opened = await http.post(f"{process.url}/invocations", json={"requestType": "NEW_SESSION"})
        name = opened.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]
        key = {"memoryId": TALKS, "actorId": "anyone", "sessionId": name}

        async def talk(text: str) -> None:
            answer = await http.post(
                f"{process.url}/v1/chat/completions",
                json={"messages": [user(text)]},
                headers={"X-Amzn-SageMaker-Session-Id": name},
            )
            assert answer.status == 200

        await talk("hello")
        [event] = (await memory("list_events", **key))["events"]
        assert event["payload"] == [said("hello"), said("re hello", "ASSISTANT")]
        await memory(
            "create_event",
            **key,
            eventTimestamp=datetime.now(UTC),
            payload=[said("by hand"), said("so be it", "ASSISTANT")],
        )
        await talk("again")
    assert seen == [["hello"], ["hello", "re hello", "by hand", "so be it", "again"]]
