"""Sessions opened by the engine's own API, and that nothing is left where that fails."""

import asyncio
from typing import Any

import pytest

from sidecar.delegation.grammar.templates import Defaults
from sidecar.engine.request import EngineRequest
from sidecar.errors import (
    BadRequest,
    EngineError,
    EngineTimeout,
    SessionNotFound,
    SidecarError,
    StoreFull,
)
from sidecar.sessions.session import is_well_formed
from tests.delegation.bench import PLAIN, TTL, after, answering, bodies, body_of, hold, in_turn
from tests.delegation.conftest import Make
from tests.harness.behaviours import says
from tests.harness.engines import free_port
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.sessions.contract import TmpfsPlace


async def test_the_engines_id_is_kept_and_another_one_told(
    bench: Make, engine: RecordingEngine
) -> None:
    engine.on(b"/open", answering({"id": "sess_1"}))
    one = bench(PLAIN)
    session = await one.open()
    assert is_well_formed(session.id) and session.id != "sess_1"
    kept = await one.store.get(session.id)
    assert kept.state == {"engine_id": "sess_1"}
    await one.keeper.close(session.id)
    assert bodies(engine, b"/close") == [{"id": "sess_1"}]
    with pytest.raises(SessionNotFound):
        await one.store.get(session.id)


@pytest.mark.parametrize(
    ("reply", "kind", "kept"),
    [
        ({"id": "sess_1"}, None, "sess_1"),
        ({"id": 42}, None, 42),
        ({"id": 18446744073709551615}, "number", 18446744073709551615),
        ({"id": "42"}, "number", 42),
        ({"id": 42}, "string", "42"),
        ({"id": 0}, None, 0),
    ],
)
async def test_ids_of_any_kind(
    bench: Make, engine: RecordingEngine, reply: Any, kind: str | None, kept: Any
) -> None:
    engine.on(b"/open", answering(reply))
    rule = {} if kind is None else {"id": {"type": kind}}
    one = bench(PLAIN | rule)
    session = await one.open()
    assert session.state["engine_id"] == kept and type(session.state["engine_id"]) is type(kept)
    await one.keeper.close(session.id)
    assert bodies(engine, b"/close") == [{"id": kept}]


@pytest.mark.parametrize(
    ("where", "lines", "body", "found"),
    [
        ("body", [b"Content-Type: application/json"], b'"bare"', "bare"),
        ("body", [b"Content-Type: text/plain"], b"plain\n", "plain"),
        ("body", [b"Content-Type: text/plain"], b"007", "007"),
        ("body.data.id", [], b'{"data":{"id":"deep"}}', "deep"),
        ('headers."X-Session-Id"', [b"x-session-ID: head"], b"{}", "head"),
        ("headers.X-Session-Id", [b"X-Session-Id: head"], b"", "head"),
        ("headers.'X-Session-Id'", [b"X-Session-Id: head"], b"", "head"),
        ("body.all[?new].id | [0]", [], b'{"all":[{"id":"a"},{"id":"b","new":true}]}', "b"),
    ],
)  # fmt: skip
async def test_the_id_is_found_anywhere_in_the_reply(
    bench: Make, engine: RecordingEngine, where: str, lines: list[bytes], body: bytes, found: str
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.read_body()
        await exchange.reply(body, *lines)

    engine.on(b"/open", answer)
    session = await bench({"create": {"path": "/open", "id": where}}).open()
    assert session.state["engine_id"] == found


@pytest.mark.parametrize("reply", [{}, {"id": ""}, {"id": None}, {"id": True}, {"id": {}}, [], "x"])
async def test_a_reply_without_an_id(bench: Make, engine: RecordingEngine, reply: Any) -> None:
    engine.on(b"/open", answering(reply))
    one = bench(PLAIN)
    with pytest.raises(EngineError, match="session id not found in the engine's response") as e:
        await one.open()
    assert e.value.status == 502
    assert await one.live() == []


@pytest.mark.parametrize("found", ["sess-1", "7f3a"])
async def test_the_engines_id_is_told_where_that_is_asked_for(
    bench: Make, engine: RecordingEngine, found: str
) -> None:
    engine.on(b"/open", answering({"id": found}))
    one = bench(PLAIN | {"id": {"public": "engine"}})
    session = await one.open()
    assert session.id == found
    assert [each.id for each in await one.live()] == [found]
    await one.keeper.close(found)
    assert bodies(engine, b"/close") == [{"id": found}]


@pytest.mark.parametrize("found", ["sess_1", "chatcmpl.x", 7, "-x", "x" * 300])
async def test_an_id_that_sagemaker_refuses_is_never_told(
    bench: Make, engine: RecordingEngine, found: str | int
) -> None:
    engine.on(b"/open", answering({"id": found}))
    session = await bench(PLAIN | {"id": {"public": "engine"}}).open()
    assert is_well_formed(session.id) and session.state["engine_id"] == found


async def test_what_the_create_call_says(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/open/here", answering({"id": "x"}))
    create = {
        "method": "PUT",
        "path": "/open/here?fast=1",
        "headers": {"X-Kind": "chat", "X-From": '${headers."X-Client"}'},
        "body": {
            "id": "${public_id_hex}",
            "seconds": "${ttl_plus_grace:int}",
            "user": "${query.user}",
            "absent": "${query.nobody}",
            "text": "for ${query.user}!",
        },
        "id": "body.id",
    }
    origin = EngineRequest("POST", "/invocations?user=ada", [b"x-client: c1\r\n"], b"{}")
    session = await bench({"create": create}).open(origin)
    [record] = engine.records
    assert (record.method, record.target) == (b"PUT", b"/open/here?fast=1")
    assert (record.values(b"X-Kind"), record.values(b"X-From")) == ([b"chat"], [b"c1"])
    assert record.values(b"Content-Type") == [b"application/json"]
    assert body_of(record) == {
        "id": session.id.replace("-", ""),
        "seconds": TTL + 60,
        "user": "ada",
        "text": "for ada!",
    }


async def test_the_request_wins_over_a_default(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/open", answering({"id": "x"}))
    create = {"path": "/open", "id": "body.id", "body": {"capacity": "${query.capacity:int}"}}
    defaults = Defaults(create={"body.capacity": 1024, "body.more.deep": True, "headers.X-A": "1"})
    one = bench({"create": create}, defaults=defaults)
    for target in ("/invocations", "/invocations?capacity=7"):
        await one.open(EngineRequest("POST", target, [], b""))
    first, second = engine.records
    assert body_of(first) == {"capacity": 1024, "more": {"deep": True}}
    assert body_of(second) == {"capacity": 7, "more": {"deep": True}}
    assert first.values(b"X-A") == [b"1"]


async def test_a_call_that_cannot_be_made(bench: Make, engine: RecordingEngine) -> None:
    one = bench({"create": {"path": "/open/${query.room}", "id": "body.id"}})
    with pytest.raises(BadRequest, match=r"lacks what the engine's path"):
        await one.open(EngineRequest("POST", "/invocations", [], b""))
    assert (engine.records, await one.live()) == ([], [])


@pytest.mark.parametrize("status", [b"400 Bad Request", b"409 Conflict", b"500 Oh"])
@pytest.mark.parametrize(
    "words",
    [{"error": {"message": "no!"}}, {"error": "no!"}, {"detail": "no!"}, {"message": "no!"}, "no!"],
)
async def test_the_engines_refusal_reaches_the_client(
    bench: Make, engine: RecordingEngine, status: bytes, words: Any
) -> None:
    engine.on(b"/open", answering(words, status))
    one = bench(PLAIN)
    with pytest.raises(EngineError) as refused:
        await one.open()
    assert refused.value.status == int(status[:3])
    assert refused.value.message.endswith(f": no! (status {int(status[:3])})")
    assert str(one.engine.address) in refused.value.message
    assert await one.live() == []


async def test_a_refusal_is_bounded_and_one_line(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/open", answering({"error": "a\r\nb" + "x" * 10_000}, b"400 Bad"))
    with pytest.raises(EngineError) as refused:
        await bench(PLAIN).open()
    assert len(refused.value.message) < 700 and refused.value.message.isprintable()


async def test_a_status_that_is_not_listed(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/open", answering({"id": "x"}, b"202 Accepted"))
    with pytest.raises(EngineError, match="status 202") as refused:
        await bench({"create": {"path": "/open", "id": "body.id", "ok": [200]}}).open()
    assert refused.value.status == 502


async def test_no_room_in_the_engine(bench: Make, engine: RecordingEngine) -> None:
    full = answering({"message": "exceeds maxSequenceJobQueueSize"}, b"503 No", b"Retry-After: 9")
    other = answering({"message": "restarting"}, b"503 No")
    engine.on(b"/open", in_turn(full, other))
    capacity = {"status": 503, "contains": "maxSequenceJobQueueSize"}
    one = bench(PLAIN | {"capacity": capacity})
    with pytest.raises(SidecarError, match="no room") as refused:
        await one.open()
    assert (refused.value.status, refused.value.retry_after) == (503, 9)
    with pytest.raises(EngineError, match="restarting") as refused:
        await one.open()
    assert refused.value.retry_after is None
    assert await one.live() == []


async def test_the_engine_is_down(bench: Make) -> None:
    one = bench(PLAIN, free_port())
    with pytest.raises(EngineError, match="cannot be reached") as refused:
        await one.open()
    assert refused.value.status == 502
    assert await one.live() == []


async def test_the_engine_breaks_off(bench: Make, engine: RecordingEngine) -> None:
    """It may have opened a session; its id was made here, so it can be closed."""
    engine.on(b"/open", says(b"", then="reset"))
    one = bench(PLAIN | {"id": {"generate": "hex32"}, "create": {"path": "/open"}})
    with pytest.raises(EngineError) as refused:
        await one.open()
    assert refused.value.status == 502
    assert await one.live() == []
    await engine.arrived(b"/close")
    assert len(bodies(engine, b"/close")[0]["id"]) == 32


HASTY = PLAIN | {"create": {"path": "/open", "id": "body.id", "timeout": 0.2}}


async def test_the_engine_is_slow_and_opens_a_session_later(
    bench: Make, engine: RecordingEngine
) -> None:
    late = asyncio.Event()
    engine.on(b"/open", after(late, {"id": "late"}))
    one = bench(HASTY)
    with pytest.raises(EngineTimeout, match=r"within 0\.2 s") as refused:
        async with asyncio.timeout(5):
            await one.open()
    assert refused.value.status == 504
    assert await one.live() == []
    late.set()
    assert body_of(await engine.arrived(b"/close")) == {"id": "late"}


async def test_the_engine_never_answers(bench: Make, engine: RecordingEngine) -> None:
    """At the end of the process at the latest, what may have been opened is closed."""
    engine.on(b"/open", hold)
    one = bench(HASTY | {"id": {"generate": "uuid4"}})
    with pytest.raises(EngineTimeout):
        await one.open()
    await one.keeper.stop()
    assert len(engine.at(b"/close")) == 1


async def test_the_client_leaves_while_the_engine_opens(
    bench: Make, engine: RecordingEngine
) -> None:
    opened = asyncio.Event()
    engine.on(b"/open", after(opened, {"id": "orphan"}))
    one = bench(PLAIN)
    opening = asyncio.create_task(one.open())
    await engine.arrived(b"/open")
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await one.live() == []
    opened.set()
    assert body_of(await engine.arrived(b"/close")) == {"id": "orphan"}


async def test_killed_while_the_engine_opens(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace
) -> None:
    """The next process closes what the first one began, when its time is over."""
    engine.on(b"/open", hold)
    killed = bench(PLAIN | {"id": {"generate": "uint64"}, "create": {"path": "/open"}})
    opening = asyncio.create_task(killed.open())
    await engine.arrived(b"/open")
    [begun] = await killed.live()
    after_it = bench(PLAIN | {"id": {"generate": "uint64"}, "create": {"path": "/open"}})
    await place.stop(killed.store)
    place.clock.advance(TTL + 1)
    await place.sweep()
    assert body_of(await engine.arrived(b"/close")) == {"id": begun.state["engine_id"]}
    assert await after_it.live() == []
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def test_no_room_in_the_store(bench: Make, engine: RecordingEngine) -> None:
    """The engine is not asked for what could not be kept."""
    engine.on(b"/open", answering({"id": "x"}))
    one = bench(PLAIN, sessions_max=1)
    await one.open()
    with pytest.raises(StoreFull):
        await one.open()
    assert len(engine.records) == 1
