"""Conversation memory in the whole sidecar, in front of an engine that forgets."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.sessions import events
from sidecar.sessions.layout import EVENTS
from tests.engines.caller import NEW_SESSION_ID, SESSION_ID, Answer, Caller
from tests.harness.behaviours import echo
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.memory.chat_engine import DONE, ChatEngine, stream_of
from tests.memory.talk import user
from tests.sessions.full import fill_pages

CHAT = "/v1/chat/completions"


@pytest.fixture
async def engine() -> AsyncIterator[ChatEngine]:
    async with ChatEngine() as engine:
        yield engine


@pytest.fixture
async def sidecar(engine: ChatEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(engine.url, SIDECAR_MEMORY="chat") as process:
        yield process


@pytest.fixture
async def caller(sidecar: SidecarProcess) -> AsyncIterator[Caller]:
    async with Caller(sidecar.url) as caller:
        yield caller


async def say(
    caller: Caller, session_id: str, text: str, path: str = CHAT, **rest: object
) -> Answer:
    return await caller.post(path, session_id, json={"messages": [user(text)], **rest})


def kept(path: Path, session_id: str) -> list[str]:
    """The conversation in the session's log."""
    log = path / session_id / EVENTS
    steps = events.decode(log.read_bytes()) if log.exists() else iter(())
    texts = [text for step in steps for text in (*step["chat"]["messages"], step["chat"]["reply"])]
    return [json.loads(text)["content"] for text in texts]


@pytest.mark.parametrize(
    "path",
    [CHAT, "/invocations", "/endpoints/any/invocations",
     "/endpoints/any/invocations-response-stream"],
)  # fmt: skip
async def test_a_client_says_only_what_is_new(
    engine: ChatEngine, caller: Caller, path: str
) -> None:
    session_id = await caller.open()
    history: list[str] = []
    for turn in range(10):
        answer = await say(caller, session_id, f"u{turn}", path, stream=turn % 2 == 1)
        assert answer.status == 200
        history.append(f"u{turn}")
        assert engine.heard == history
        history.append(f"re u{turn}")


async def test_sessions_do_not_hear_each_other(engine: ChatEngine, caller: Caller) -> None:
    ada, bob = await caller.open(), await caller.open()
    await say(caller, ada, "ada")
    await say(caller, bob, "bob")
    assert engine.heard == ["bob"]
    await caller.post(CHAT, json={"messages": [user("nobody")]})
    assert engine.heard == ["nobody"]


async def test_a_session_made_on_first_use_remembers(engine: ChatEngine, caller: Caller) -> None:
    first = await say(caller, "NEW_SESSION", "u1")
    session_id = first.headers[NEW_SESSION_ID].partition(";")[0]
    await say(caller, session_id, "u2")
    assert engine.heard == ["u1", "re u1", "u2"]


async def test_the_rest_of_a_request_is_as_the_client_wrote_it(
    engine: ChatEngine, caller: Caller
) -> None:
    session_id = await caller.open()
    await say(caller, session_id, "u1")
    new = b'{"temperature":1.0,\n "messages": [ {"content":"caf\xc3\xa9","role":"user"} ],"n":1e0}'
    headers = {"Content-Type": "application/json", "X-Mine": "7"}
    answer = await caller.post(CHAT, session_id, data=new, headers=headers)
    assert answer.status == 200
    old = b'{"role": "user", "content": "u1"}, {"role":"assistant","content":"re u1"}, '
    record = engine.records[-1]
    assert bytes(record.body) == new.replace(b"[ {", b"[ " + old + b"{")
    assert record.values(b"X-Mine") == [b"7"]
    assert record.values(b"Accept-Encoding") == [b"identity"]
    assert record.values(b"Content-Length") == [b"%d" % len(record.body)]


async def test_a_stream_is_the_engines_byte_for_byte(engine: ChatEngine, caller: Caller) -> None:
    session_id = await caller.open()
    for _ in range(2):
        answer = await say(caller, session_id, "caf\u00e9", stream=True)
        assert answer.body == b"".join(stream_of("caf\u00e9"))
        assert answer.headers["X-Engine"] == "7"


async def test_a_stream_is_not_delayed(
    engine: ChatEngine, caller: Caller, sidecar: SidecarProcess
) -> None:
    session_id = await caller.open()
    body = {"messages": [user("wait")], "stream": True}
    async with caller.http.post(CHAT, json=body, headers={SESSION_ID: session_id}) as response:
        first, *rest = stream_of("wait")
        assert await response.content.readexactly(len(first)) == first  # nothing more is on its way
        engine.go.set()
        assert await response.content.read() == b"".join(rest)
    assert kept(sidecar.sessions_path, session_id) == ["wait", "re wait"]


async def test_done_comes_when_the_turn_is_kept(
    engine: ChatEngine, caller: Caller, sidecar: SidecarProcess
) -> None:
    """Clients stop reading at [DONE], and a sidecar may be killed in that moment."""
    session_id = await caller.open()
    body = {"messages": [user("done")], "stream": True}
    async with caller.http.post(CHAT, json=body, headers={SESSION_ID: session_id}) as response:
        first, *rest = stream_of("done")
        assert await response.content.readexactly(len(first)) == first
        engine.go.set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await response.content.readuntil(DONE)
        assert kept(sidecar.sessions_path, session_id) == []
        engine.end.set()
        assert (await response.content.readuntil(DONE)).endswith(rest[-1])
        assert kept(sidecar.sessions_path, session_id) == ["done", "re done"]


async def test_one_request_of_a_session_after_the_other(engine: ChatEngine, caller: Caller) -> None:
    session_id = await caller.open()
    first = asyncio.create_task(say(caller, session_id, "wait"))
    await engine.arrived(CHAT.encode())
    others = [asyncio.create_task(say(caller, session_id, f"u{n}")) for n in range(5)]
    await asyncio.sleep(0.2)
    assert len(engine.records) == 1
    engine.go.set()
    assert [(await each).status for each in (first, *others)] == [200] * 6
    assert [len(each["messages"]) for each in engine.requests] == [1, 3, 5, 7, 9, 11]


@pytest.mark.parametrize(("word", "stream"), [("500", False), ("error", True), ("break", True)])
async def test_a_failed_answer_leaves_no_trace(
    engine: ChatEngine, caller: Caller, sidecar: SidecarProcess, word: str, stream: bool
) -> None:
    session_id = await caller.open()
    await say(caller, session_id, "u1")
    if word == "break":
        with pytest.raises(aiohttp.ClientPayloadError):
            await say(caller, session_id, word, stream=stream)
    else:
        answer = await say(caller, session_id, word, stream=stream)
        assert answer.status == (500 if word == "500" else 200)
    assert kept(sidecar.sessions_path, session_id) == ["u1", "re u1"]
    await say(caller, session_id, "u2")
    assert engine.heard == ["u1", "re u1", "u2"]


async def test_a_client_that_hangs_up_leaves_no_trace(
    engine: ChatEngine, caller: Caller, sidecar: SidecarProcess
) -> None:
    session_id = await caller.open()
    await say(caller, session_id, "u1")
    body = {"messages": [user("wait")], "stream": True}
    async with caller.http.post(CHAT, json=body, headers={SESSION_ID: session_id}) as response:
        await response.content.readany()
        response.close()
    await engine.records[-1].wire.gone.wait()
    engine.go.set()
    await say(caller, session_id, "u2")
    assert engine.heard == ["u1", "re u1", "u2"]
    assert kept(sidecar.sessions_path, session_id) == ["u1", "re u1", "u2", "re u2"]


async def test_killed_between_turns(engine: ChatEngine, sidecar: SidecarProcess) -> None:
    async with Caller(sidecar.url) as caller:
        session_id = await caller.open()
    history: list[str] = []
    for turn in range(4):
        async with Caller(sidecar.url) as caller:
            answer = await say(caller, session_id, f"u{turn}", stream=bool(turn % 2))
        await sidecar.stop(signal.SIGKILL)
        assert answer.status == 200
        history += [f"u{turn}", f"re u{turn}"]
        assert engine.heard == history[:-1]
        await sidecar.start()
    assert kept(sidecar.sessions_path, session_id) == history


async def test_several_workers_hold_one_conversation(engine: ChatEngine) -> None:
    process = SidecarProcess(engine.url, SIDECAR_MEMORY="chat", SIDECAR_WORKERS="2")
    async with process, Caller(process.url) as caller:
        session_id = await caller.open()
        answers = await asyncio.gather(*(say(caller, session_id, f"u{n}") for n in range(12)))
        assert [answer.status for answer in answers] == [200] * 12
        assert sorted(len(each["messages"]) for each in engine.requests) == list(range(1, 24, 2))


async def test_a_body_in_chunks(engine: ChatEngine, caller: Caller) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in b'{"messages": [{"role": "user", "content": "u2"}]}':
            yield bytes([byte])

    session_id = await caller.open()
    await say(caller, session_id, "u1")
    headers = {"Content-Type": "application/json"}
    answer = await caller.post(CHAT, session_id, data=pieces(), headers=headers)
    assert answer.status == 200
    assert engine.heard == ["u1", "re u1", "u2"]
    assert engine.records[-1].faults == []


async def test_after_close_no_word_is_left(caller: Caller, sidecar: SidecarProcess) -> None:
    session_id = await caller.open()
    for _ in range(3):
        await say(caller, session_id, "xyzzy-plugh")
    assert holding(sidecar.sessions_path, b"xyzzy-plugh")
    await caller.close(session_id)
    assert await eventually(lambda: not holding(sidecar.sessions_path, b"xyzzy"), 3)
    assert not list(sidecar.sessions_path.glob(".del-*"))
    assert not [line for line in sidecar.log if "xyzzy" in json.dumps(line)]


def holding(path: Path, word: bytes) -> list[Path]:
    found = []
    for file in path.rglob("*"):
        try:
            if file.is_file() and word in file.read_bytes():
                found.append(file)
        except FileNotFoundError:
            pass
    return found


async def test_what_is_no_conversation_passes_as_it_is(
    engine: ChatEngine, caller: Caller, sidecar: SidecarProcess
) -> None:
    session_id = await caller.open()
    await say(caller, session_id, "u1")
    engine.on(b"/invocations", echo)
    headers = {"Content-Type": "application/json"}
    messages = (b'"none"', b'["none"]', b"[]", b"{}", b"null")
    for body in (b"{", b"[]", b'{"prompt": "x"}', *(b'{"messages": %b}' % m for m in messages)):
        answer = await caller.post("/invocations", session_id, data=body, headers=headers)
        assert (answer.status, answer.body) == (200, body)
    assert kept(sidecar.sessions_path, session_id) == ["u1", "re u1"]


async def test_limits_and_their_settings(engine: ChatEngine) -> None:
    limits: dict[str, Any] = {
        "SIDECAR_MEMORY_TURNS": "2",
        "SIDECAR_MEMORY_BYTES": "4KiB",
        "SIDECAR_BODY_LIMIT": "8KiB",
    }
    async with (
        SidecarProcess(engine.url, SIDECAR_MEMORY="chat", **limits) as sidecar,
        Caller(sidecar.url) as caller,
    ):
        session_id = await caller.open()
        for turn in range(5):
            await say(caller, session_id, f"u{turn}")
        assert engine.heard == ["u2", "re u2", "u3", "re u3", "u4"]
        assert kept(sidecar.sessions_path, session_id) == ["u3", "re u3", "u4", "re u4"]
        for size, setting in ((5000, "SIDECAR_MEMORY_BYTES"), (9000, "SIDECAR_BODY_LIMIT")):
            refused = await say(caller, session_id, "x" * size)
            assert refused.status == 413
            assert setting in json.loads(refused.body)["error"]["message"]
        assert len(engine.records) == 5


async def test_no_room_left(engine: ChatEngine, mount: Callable[[str], Path]) -> None:
    """An answer that cannot be kept is not acknowledged: 503, or a stream without its end."""
    path = mount("size=64k") / "sessions"
    variables: dict[str, Any] = {"SIDECAR_MEMORY": "chat", "SIDECAR_SESSIONS_PATH": str(path)}
    async with (
        SidecarProcess(engine.url, **variables) as sidecar,
        Caller(sidecar.url) as caller,
    ):
        session_id = await caller.open()
        await say(caller, session_id, "u1")
        filler = fill_pages(path)
        long = "x" * 4096
        refused = await say(caller, session_id, long)
        assert refused.status == 503
        with pytest.raises(aiohttp.ClientPayloadError):
            await say(caller, session_id, long, stream=True)
        assert kept(path, session_id) == ["u1", "re u1"]
        assert (await say(caller, "NEW_SESSION", long)).status == 503
        assert [each.name for each in path.iterdir() if each.name[0] != "."] == [session_id]
        filler.unlink()
        await say(caller, session_id, "u2")
        assert engine.heard == ["u1", "re u1", "u2"]
        assert kept(path, session_id) == ["u1", "re u1", "u2", "re u2"]
