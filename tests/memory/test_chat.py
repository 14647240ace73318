"""The companion on a real store: what it reads, what it changes, what it leaves in the log."""

import json
from typing import Any

import pytest

from sidecar.config import load
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import BodyTooLarge, EngineError, StoreFull
from sidecar.memory import make_memory
from sidecar.memory.chat import ChatMemory, ChatWatch
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store
from tests.memory.answers import DONE, HELLO, PAGE, STREAM, events
from tests.memory.talk import Json, assistant, system, user
from tests.sessions.contract import TmpfsPlace
from tests.sessions.full import fill_pages

PATH = "/v1/chat/completions"


def memory_on(store: Store, **variables: str) -> ChatMemory:
    memory = make_memory(load({"SIDECAR_MEMORY": "chat", **variables}), store)
    assert isinstance(memory, ChatMemory)
    return memory


def request(*messages: Json, **rest: Any) -> EngineRequest:
    body = json.dumps({"messages": messages, **rest}).encode()
    return EngineRequest("POST", PATH, [b"Content-Type: application/json\r\n"], body)


def answer(text: str) -> bytes:
    return json.dumps({"choices": [{"message": assistant(text)}]}).encode()


def sent(made: EngineRequest) -> list[Json]:
    messages: list[Json] = json.loads(made.body or b"")["messages"]
    return messages


async def prepared(memory: ChatMemory, session: Session, made: EngineRequest) -> ChatWatch:
    watch = await memory.prepare(session, made)
    assert watch is not None
    return watch


async def ask(
    memory: ChatMemory, session: Session, text: str, reply: Reply = PAGE, body: bytes | None = None
) -> list[Json]:
    """One whole request; what the engine got."""
    made = request(user(text))
    watch = await prepared(memory, session, made)
    watch.head(reply)
    watch.body(answer(f"re {text}") if body is None else body)
    await watch.done()
    return sent(made)


def test_it_is_off_unless_it_is_wanted(tmpfs: TmpfsPlace) -> None:
    assert make_memory(load({}), tmpfs.store()) is None


@pytest.mark.parametrize(
    ("method", "target", "lines", "reads"),
    [
        ("POST", PATH, [b"Content-Type: application/json\r\n"], True),
        ("POST", f"{PATH}?x=1", [b"content-type: Application/JSON; charset=utf-8\r\n"], True),
        ("POST", "/invocations", [], True),
        ("POST", "/invocations", [b"Content-Type: application/x-www-form-urlencoded\r\n"], True),
        ("POST", PATH, [b"Content-Encoding: identity\r\n"], True),
        ("POST", PATH, [b"Content-Encoding: gzip\r\n"], False),
        ("POST", PATH, [b"Content-Type: text/csv\r\n"], False),
        ("POST", PATH, [b"Content-Type: multipart/form-data; boundary=x\r\n"], False),
        ("POST", f"{PATH}/x", [], False),
        ("POST", "/v1/completions", [], False),
        ("GET", PATH, [], False),
        ("PUT", "/invocations", [], False),
    ],
)
async def test_what_it_reads(
    tmpfs: TmpfsPlace, method: str, target: str, lines: list[bytes], reads: bool
) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    made = EngineRequest(method, target, [*lines, b"Accept-Encoding: gzip, br\r\n"], None)
    assert memory.reads(made) is reads
    made.body = json.dumps({"messages": [user("u")]}).encode()
    watch = await memory.prepare(session, made)
    assert (watch is not None) is reads
    # What is compressed could not be read; and without the header, it might be.
    assert made.header(b"accept-encoding") == (b"identity" if reads else b"gzip, br")


async def test_other_paths_and_places(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    memory = memory_on(
        store,
        SIDECAR_MEMORY_PATHS="/generate,/talk",
        SIDECAR_MEMORY_MESSAGES="inputs.history",
        SIDECAR_MEMORY_REPLY="out.text",
    )
    session = await store.open(60)
    made = request()
    for _ in range(2):
        made = EngineRequest("POST", "/talk", [], b'{"inputs": {"history": [{"role": "user"}]}}')
        watch = await prepared(memory, session, made)
        watch.head(PAGE)
        watch.body(b'{"out": {"text": "hi"}}')
        await watch.done()
    assert made.body == (
        b'{"inputs": {"history": [{"role": "user"}, '
        b'{"role":"assistant","content":"hi"}, {"role": "user"}]}}'
    )
    assert not memory.reads(request(user("u")))


async def test_what_is_in_the_log(tmpfs: TmpfsPlace) -> None:
    """The form that other readers of the log rely on."""
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    memory = ChatMemory(
        store, tmpfs.clock, memory.paths, memory.messages, memory.form, memory.limits
    )
    made = request(system("be kind"), user("caf\u00e9"), temperature=0)
    watch = await prepared(memory, session, made)
    watch.head(STREAM)
    watch.body(HELLO)
    tmpfs.clock.advance(2)
    watch.body(DONE)
    await watch.done()
    assert await store.events(session.id) == [
        {
            "chat": {
                "number": 1,
                "time": round(tmpfs.clock.wall(), 3),
                "messages": ['{"role": "user", "content": "caf\\u00e9"}'],
                "reply": '{"role":"assistant","content":"Hello you"}',
                "system": ['{"role": "system", "content": "be kind"}'],
            }
        }
    ]


async def test_a_conversation_goes_on_in_another_process(tmpfs: TmpfsPlace) -> None:
    one, other = tmpfs.store(), tmpfs.store()
    session = await one.open(60)
    await ask(memory_on(one), session, "u1")
    assert await ask(memory_on(other), session, "u2") == [
        user("u1"),
        assistant("re u1"),
        user("u2"),
    ]
    assert len(await ask(memory_on(one), session, "u3")) == 5


async def test_two_processes_that_answer_at_once_leave_a_log_that_can_be_read(
    tmpfs: TmpfsPlace,
) -> None:
    """Their order was to be kept by others; a log is whole without it."""
    one, other = tmpfs.store(), tmpfs.store()
    session = await one.open(60)
    watches = [
        await prepared(memory_on(store, SIDECAR_MEMORY_TURNS="2"), session, request(user(text)))
        for store, text in ((one, "u1"), (other, "u2"), (one, "u3"))
    ]
    for watch in watches:
        watch.head(PAGE)
        watch.body(answer("a"))
        await watch.done()
    assert [each["content"] for each in await ask(memory_on(one), session, "end")] == [
        "u1", "a", "u2", "a", "u3", "a", "end",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
async def test_no_success_leaves_the_log_as_it_was(tmpfs: TmpfsPlace, status: int) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    await ask(memory, session, "u1")
    before = await store.events(session.id)
    await ask(memory, session, "u2", Reply(status, b"", True, content_type=b"application/json"))
    assert await store.events(session.id) == before


async def test_an_answer_that_is_never_complete_leaves_the_log_as_it_was(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    watch = await prepared(memory, session, request(user("u1")))
    watch.head(STREAM)
    watch.body(HELLO + DONE)
    assert await store.events(session.id) == []


@pytest.mark.parametrize(
    ("reply", "body", "why"),
    [
        (PAGE, b"{}", "there is no message at choices[0].message"),
        (PAGE, b'{"error": "busy"}', "it is an error"),
        (STREAM, events({"error": {"code": 400}}) + DONE, "its stream has an error"),
        (STREAM, b"data: what\n\n" + HELLO + DONE, "it is not JSON"),
        (STREAM, HELLO.split(b"data:")[1], "its stream ended before it was finished"),
    ],
)
async def test_an_answer_without_a_message_is_told_of_and_not_kept(
    tmpfs: TmpfsPlace, caplog: pytest.LogCaptureFixture, reply: Reply, body: bytes, why: str
) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    await ask(memory, session, "u1", reply, body)
    assert await store.events(session.id) == []
    [message] = caplog.messages
    assert message == f"an answer in session {session.id[:8]}... was not kept: {why}"


async def test_done_is_held_back_until_the_turn_is_kept(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    watch = await prepared(memory, session, request(user("u1")))
    watch.head(STREAM)
    watch.body(HELLO)
    assert not watch.holds
    watch.body(DONE)
    assert watch.holds


async def test_a_session_that_ended_meanwhile_keeps_nothing(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store), await store.open(60)
    watch = await prepared(memory, session, request(user("secret")))
    watch.head(PAGE)
    watch.body(answer("a"))
    await store.close(session.id)
    await watch.done()
    assert not [path for path in tmpfs.path.rglob("*") if b"secret" in content(path)]


def content(path: Any) -> bytes:
    return path.read_bytes() if path.is_file() else b""


async def test_messages_too_large_to_be_kept(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    memory, session = memory_on(store, SIDECAR_MEMORY_BYTES="4KiB"), await store.open(60)
    with pytest.raises(BodyTooLarge, match="SIDECAR_MEMORY_BYTES allows 4096 bytes"):
        await memory.prepare(session, request(user("x" * 4096)))


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (PAGE, answer("x" * 4096)),
        (STREAM, events({"choices": [{"delta": {"content": "x" * 5000}}]})),
    ],
)
async def test_an_answer_too_large_to_be_kept(tmpfs: TmpfsPlace, reply: Reply, body: bytes) -> None:
    """Who is told that it is complete would take it for remembered."""
    store = tmpfs.store()
    memory, session = memory_on(store, SIDECAR_MEMORY_BYTES="4KiB"), await store.open(60)
    with pytest.raises(EngineError, match="SIDECAR_MEMORY_BYTES allows 4096 bytes"):
        await ask(memory, session, "u1", reply, body)
    assert await store.events(session.id) == []


async def test_no_room_left(small: TmpfsPlace) -> None:
    store = small.store()
    memory, session = memory_on(store), await store.open(60)
    await ask(memory, session, "u1")
    before = await store.events(session.id)
    filler = fill_pages(small.path)
    with pytest.raises(StoreFull):
        await ask(memory, session, "u2" + "x" * 4096)
    assert await store.events(session.id) == before
    filler.unlink()
    assert len(await ask(memory, session, "u3")) == 3


async def test_no_room_to_drop_what_is_old(small: TmpfsPlace) -> None:
    """The new log needs room beside the old one. The turn is kept; the next one drops more."""
    store = small.store()
    memory, session = memory_on(store, SIDECAR_MEMORY_TURNS="1"), await store.open(60)
    await ask(memory, session, "u1")
    filler = fill_pages(small.path)
    await ask(memory, session, "u2")
    assert len(await store.events(session.id)) == 2
    filler.unlink()
    assert [each["content"] for each in await ask(memory, session, "u3")] == ["u2", "re u2", "u3"]
    assert len(await store.events(session.id)) == 1
