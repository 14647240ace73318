"""What the sidecar learns from the engine's replies, and keeps."""

import json
from typing import Any

import pytest

from sidecar.engine.companion import EngineForgot, Watch
from sidecar.engine.reply import read_reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import BodyTooLarge
from sidecar.headers import Vocabulary
from sidecar.sessions.session import Session
from tests.delegation.bench import Bench
from tests.delegation.conftest import Make

JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"
LINES = "application/x-ndjson"
CARRY: dict[str, Any] = {"carry": [{"from": "body.response.id || body.id", "to": "body.previous"}]}


async def watched(one: Bench, session: Session, method: str = "POST") -> Watch | None:
    request = EngineRequest(method, "/invocations", [], b"{}")
    return await one.companion.prepare(await one.store.get(session.id), request)


def feed(watch: Watch, status: int, kind: str, pieces: list[bytes], *lines: str) -> None:
    head = "\r\n".join((f"HTTP/1.1 {status} x", f"Content-Type: {kind}", *lines, "", ""))
    watch.head(read_reply(head.encode(), Vocabulary(None)))
    for piece in pieces:
        watch.body(piece)


async def replied(
    bench: Make, tree: dict[str, Any], status: int, kind: str, *pieces: bytes, lines: Any = ()
) -> dict[str, Any]:
    """The session's state after that reply."""
    one = bench(tree)
    session = await one.open()
    watch = await watched(one, session)
    assert watch is not None
    feed(watch, status, kind, list(pieces), *lines)
    await watch.done()
    return await one.store.state(session.id)


def events(*values: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in values)


@pytest.mark.parametrize(
    ("kind", "body", "carried"),
    [
        (JSON, b'{"id":"r1"}', "r1"),
        (JSON, b'{"response":{"id":"r2"},"id":"r1"}', "r2"),
        (JSON, b'{"id":0}', 0),
        (JSON, b'{"id":null}', None),
        (JSON, b"{}", None),
        (JSON, b"no json", None),
        (JSON, b"", None),
        (SSE, events({"id": "a"}, {"id": "b"}), "b"),
        (SSE, events({"id": "a"}) + b"data: [DONE]\n\n", "a"),
        (SSE, b'event: x\r\ndata: {"id":\r\ndata: "a"}\r\n\r\n: ping\r\n\r\n', "a"),
        (SSE, b'data:{"id":"a"}\n\ndata: {"id":"unended"}', "unended"),
        (SSE, events({"id": "a"}, {"error": None, "id": "b"}), "b"),
        (SSE, events({"id": "a"}, {"error": {"message": "no"}, "id": "b"}), None),
        (SSE, b"data: [DONE]\n\n", None),
        (LINES, b'{"id":"a"}\n{"id":"b"}\n', "b"),
        (LINES, b'{"id":"a"}\n{"id":"b"}', "b"),
    ],
)
@pytest.mark.parametrize("cut", [None, 1, 7])
async def test_carried_from_a_good_reply(
    bench: Make, kind: str, body: bytes, carried: Any, cut: int | None
) -> None:
    size = cut or max(len(body), 1)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    state = await replied(bench, CARRY, 200, kind, *pieces)
    assert state.get("carried", {}).get("body.previous") == carried


@pytest.mark.parametrize("status", [400, 404, 500, 302])
async def test_nothing_is_carried_from_another_reply(bench: Make, status: int) -> None:
    assert await replied(bench, CARRY, status, JSON, b'{"id":"r1"}') == {}


async def test_a_reply_that_breaks_off_leaves_what_was(bench: Make) -> None:
    one = bench(CARRY)
    session = await one.open()
    for number in (1, 2):
        watch = await watched(one, session)
        assert watch is not None
        feed(watch, 200, JSON, [b'{"id":"r%d"}' % number])
        if number == 1:
            await watch.done()
    assert (await one.store.state(session.id))["carried"] == {"body.previous": "r1"}


async def test_a_reply_without_it_leaves_what_was(bench: Make) -> None:
    one = bench(CARRY)
    session = await one.open()
    for body in (b'{"id":"r1"}', b"{}"):
        watch = await watched(one, session)
        assert watch is not None
        feed(watch, 200, JSON, [body])
        await watch.done()
    assert (await one.store.state(session.id))["carried"] == {"body.previous": "r1"}


async def test_a_session_that_was_closed_meanwhile(bench: Make) -> None:
    one = bench(CARRY)
    session = await one.open()
    watch = await watched(one, session)
    assert watch is not None
    await one.store.close(session.id)
    feed(watch, 200, JSON, [b'{"id":"r1"}'])
    await watch.done()


async def carried_next(one: Bench, session: Session) -> Any:
    request = EngineRequest("POST", "/invocations", [], b"{}")
    await one.companion.prepare(await one.store.get(session.id), request)
    return json.loads(request.body or b"").get("context")


CONTEXT: dict[str, Any] = {"carry": [{"from": "body.context", "to": "body.context"}]}


@pytest.mark.parametrize("tokens", [3, 200, 100_000])
async def test_what_is_large_is_kept_beside_the_state(bench: Make, tokens: int) -> None:
    one, context = bench(CONTEXT), list(range(tokens))
    session = await one.open()
    watch = await watched(one, session)
    assert watch is not None
    body = json.dumps({"context": context}).encode()
    feed(watch, 200, JSON, [body[:1000], body[1000:]])
    await watch.done()
    assert await carried_next(one, session) == context


@pytest.mark.parametrize(
    ("kind", "body", "lines"),
    [
        (JSON, b'{"context":"%b"}' % (b"x" * 2**20), ()),
        (JSON, b'{"context":"%b"}' % (b"x" * 2**22), ()),
        (SSE, b'data: {"context":"%b"}\n\n' % (b"x" * 2**22), ()),
        (JSON, b'{"context":[1e400]}', ()),
        (JSON, b"\x1f\x8b", ("Content-Encoding: gzip",)),
    ],
    ids=["value", "reply", "event", "infinite", "coded"],
)
async def test_what_cannot_be_kept_stops_the_session_and_says_so(
    bench: Make, kind: str, body: bytes, lines: tuple[str, ...]
) -> None:
    one = bench(CONTEXT)
    session = await one.open()
    watch = await watched(one, session)
    assert watch is not None
    feed(watch, 200, kind, [body], *lines)
    await watch.done()
    with pytest.raises(BodyTooLarge, match=r"body\.context"):
        await carried_next(one, session)


FIRST = {"request": {"set_first": {"body.start": True}}}


@pytest.mark.parametrize(
    ("status", "kind", "body", "used"),
    [
        (200, JSON, b"{}", True),
        (204, JSON, b"", True),
        (200, SSE, events({"a": 1}), True),
        (200, SSE, events({"error": "no"}), False),
        (400, JSON, b"{}", False),
        (503, JSON, b"{}", False),
    ],
)
async def test_the_first_request_is_the_first_good_one(
    bench: Make, status: int, kind: str, body: bytes, used: bool
) -> None:
    state = await replied(bench, FIRST, status, kind, body)
    assert state.get("used", False) is used


async def test_a_get_is_no_first_request(bench: Make) -> None:
    one = bench(FIRST)
    assert await watched(one, await one.open(), "GET") is None


UNKNOWN: dict[str, Any] = {"unknown_session": [
    {"status": 404, "contains": "No such session"},
    {"contains": ["does not exist", "session gone"]},
    {"where": "body.error.type == 'SessionLost'"},
]}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "body", "is_unknown"),
    [
        (404, JSON, b'{"detail":"No such session"}', True),
        (400, JSON, b'{"detail":"No such session"}', False),
        (400, JSON, b'{"error":{"message":"session X does not exist"}}', True),
        (500, "text/plain", b"session gone", True),
        (400, JSON, b'{"error":{"message":"session X \\u0064oes not exist"}}', True),
        (410, JSON, b'{"error":{"type":"SessionLost"}}', True),
        (410, JSON, b'{"error":{"type":"Other"}}', False),
        (200, JSON, b'{"text":"it does not exist"}', False),
        (200, SSE, events({"error": {"message": "does not exist", "code": 400}}), True),
        (200, SSE, events({"error": "session gone"}), True),
        (200, SSE, events({"error": {"message": "No such session", "code": 404}}), True),
        (200, SSE, events({"error": {"message": "No such session", "code": 400}}), False),
        (200, SSE, events({"text": "does not exist"}), False),
        (200, SSE, events({"text": "a"}, {"error": "does not exist"}), False),
    ],
)
@pytest.mark.parametrize("cut", [None, 1])
async def test_a_session_that_the_engine_does_not_know(
    bench: Make, status: int, kind: str, body: bytes, is_unknown: bool, cut: int | None
) -> None:
    one = bench(UNKNOWN)
    watch = await watched(one, await one.open())
    assert watch is not None
    size = cut or len(body)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    if not is_unknown:
        feed(watch, status, kind, pieces)
        return
    with pytest.raises(EngineForgot):
        feed(watch, status, kind, pieces)
    assert watch.holds, "some of it has gone to the client already"


async def test_a_stream_is_held_until_its_first_event_alone(bench: Make) -> None:
    one = bench(UNKNOWN)
    watch = await watched(one, await one.open())
    assert watch is not None
    feed(watch, 200, SSE, [])
    held = []
    for piece in (b": ping\n\n", b"data: {", b'"a":1}\n', b"\n", b"data: {"):
        watch.body(piece)
        held.append(watch.holds)
    assert held == [True, True, True, False, False]


@pytest.mark.parametrize(("status", "kind"), [(400, "text/plain"), (200, SSE)])
async def test_no_more_than_a_part_is_held(bench: Make, status: int, kind: str) -> None:
    one = bench(UNKNOWN)
    watch = await watched(one, await one.open())
    assert watch is not None
    feed(watch, status, kind, [b"x" * 65536])
    assert watch.holds
    watch.body(b"x")
    assert not watch.holds
    watch.body(b" does not exist")


async def test_a_good_json_reply_is_not_held(bench: Make) -> None:
    one = bench(UNKNOWN | CARRY)
    watch = await watched(one, await one.open())
    assert watch is not None
    feed(watch, 200, JSON, [b'{"id":'])
    assert not watch.holds


async def test_a_preset_that_reads_nothing_watches_nothing(bench: Make) -> None:
    one = bench({"request": {"set": {"body.id": "${engine_id}"}}})
    session = await one.open()
    request = EngineRequest("POST", "/x", [b"Accept-Encoding: gzip\r\n"], b"{}")
    assert await one.companion.prepare(session, request) is None
    assert request.lines == [b"Accept-Encoding: gzip\r\n"]
