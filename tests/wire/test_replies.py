"""An engine that answers badly: 502, 503 or 504 that names it, or a body that visibly breaks off.

Never 500, never a clean end of half a body, never a second answer taken for the next request's.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.behaviours import Then, says
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, BrokenOff, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.wire.bad_replies import BODILESS, BROKEN, HELLO, OK, TRAILING, UNUSABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ask(path: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"%b %b %b\r\nHost: t\r\nConnection: keep-alive\r\n\r\n" % (method, path, version)


def assert_names_the_engine(answer: Answer, port: int, *statuses: int) -> None:
    assert answer.status in statuses, answer.message.head
    assert answer.values(b"Content-Type")[0].startswith(b"application/json")
    error = json.loads(answer.body)
    assert f"127.0.0.1:{port}" in error["error"]["message"] == error["detail"]
    assert error["error"]["code"] == answer.status


async def assert_healthy(client: RawClient, engine: RecordingEngine, path: bytes) -> None:
    """Nothing is left over: the next request on this or a new connection has its own answer."""
    answer = await client.ask(ask(path + b"/next"))
    assert answer.body == b"ok " + path + b"/next"


@pytest_asyncio.fixture(loop_scope="module")
async def another(sidecar: SidecarProcess) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(sidecar.port) as client:
        yield client


@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_answer_that_is_none_becomes_502(
    client: RawClient, another: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    reply = UNUSABLE[name]
    engine.on(path, says(reply.data, then=reply.then))
    answer = await client.ask(ask(path))
    assert_names_the_engine(answer, engine.port, 502)
    [record] = engine.at(path)
    if reply.then == "hold":
        async with asyncio.timeout(5):
            await record.wire.gone.wait()
    await assert_healthy(another, engine, path)


@pytest.mark.parametrize("name", UNUSABLE)
async def test_a_post_is_delivered_once_whatever_the_answer(
    client: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    engine.on(path, says(UNUSABLE[name].data, then=UNUSABLE[name].then))
    answer = await client.ask(b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n" % path)
    assert answer.status == 502
    assert len(engine.at(path)) == 1


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_body_does_not_look_complete(
    client: RawClient, another: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    engine.on(path, says(BROKEN[name].data, then=BROKEN[name].then))
    try:
        answer = await client.ask(ask(path))
    except BrokenOff as broken:
        assert b"hello!".startswith(broken.answer.body[:6])
    else:
        assert_names_the_engine(answer, engine.port, 502)
    await assert_healthy(another, engine, path)


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_body_is_a_reset_for_an_http_1_0_client(
    client: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    """Without a length or chunks only a reset tells half a body from a whole one."""
    engine.on(path, says(BROKEN[name].data, then=BROKEN[name].then))
    try:
        answer = await client.ask(ask(path, version=b"HTTP/1.0"))
    except BrokenOff as broken:
        assert broken.ending == "reset" or broken.answer.message.size is not None
    else:
        assert_names_the_engine(answer, engine.port, 502)


@pytest.mark.parametrize("name", TRAILING)
async def test_what_follows_an_answer_is_nobodys_answer(
    client: RawClient, another: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    engine.on(path, says(TRAILING[name].data, then=TRAILING[name].then))
    for _ in range(3):
        answer = await client.ask(ask(path))
        assert (answer.status, answer.body) == (200, b"hello")
        await assert_healthy(client, engine, path)
        await assert_healthy(another, engine, path)


@pytest.mark.parametrize("name", BODILESS)
async def test_a_body_where_none_can_be_is_nobodys_answer(
    client: RawClient, another: RawClient, engine: RecordingEngine, path: bytes, name: str
) -> None:
    method, data = BODILESS[name]
    engine.on(path, says(data, then="hold"))
    answer = await client.ask(ask(path, method))
    assert (answer.status in (200, 204, 304), answer.body) == (True, b"")
    await assert_healthy(client, engine, path)
    await assert_healthy(another, engine, path)


async def test_what_the_engine_says_for_the_next_hop_stays_here(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    hop = (
        b"Connection: X-Priv, x-other\r\nX-Priv: 1\r\nX-Other: 2\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: 3\r\n"
    )
    engine.on(path, says(OK + hop + HELLO))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    kept = [field for field in answer.fields if field[0].lower() != b"content-length"]
    assert (kept, answer.body) == ([(b"X-Kept", b"3")], b"hello")


@pytest.mark.parametrize("name", [b"New-Session-Id", b"new_session_id", b"Closed-Session-Id"])
async def test_only_the_sidecar_announces_sessions(
    client: RawClient, engine: RecordingEngine, path: bytes, name: bytes
) -> None:
    line = b"X-Amzn-SageMaker-%b: forged; Expires=2099-01-01T00:00:00Z\r\n" % name
    engine.on(path, says(OK + line + HELLO))
    answer = await client.ask(ask(path))
    assert b"forged" not in answer.message.head
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("then", ["close", "hold"])
@pytest.mark.parametrize("size", [100_000, 8_000_000])
async def test_a_refusal_in_the_middle_of_an_upload_reaches_the_client(
    client: RawClient, engine: RecordingEngine, path: bytes, then: Then, size: int
) -> None:
    """The engine reads some, answers 413 and closes: its reset meets what we are writing."""

    async def behave(exchange: Exchange) -> None:
        await exchange.wire.exactly(50_000)
        await exchange.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + HELLO)
        exchange.wire.finish()
        await exchange.wire.closed() if then == "hold" else await exchange.close()
        exchange.keep_alive = False

    engine.on(path, behave)
    head = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % (path, size)
    answer = await client.ask(head + b"x" * size)
    assert (answer.status, answer.body) == (413, b"hello")
    assert len(engine.at(path)) == 1


async def test_an_engine_that_is_not_there(path: bytes) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url) as sidecar,
        await RawClient.connect(sidecar.port) as client,
    ):
        assert (await client.ask(ask(path))).status == 200
        port = engine.port
        await engine.stop_listening()
        for wire in engine.wires:
            await wire.close()
        for _ in range(3):
            assert_names_the_engine(await client.ask(ask(path)), port, 502, 503)


async def test_an_engine_that_was_never_there(path: bytes) -> None:
    async with RecordingEngine() as engine:
        port, url = engine.port, engine.url
        await engine.stop_listening()
    async with SidecarProcess(url) as sidecar, await RawClient.connect(sidecar.port) as client:
        answer = await client.ask(ask(path))
    assert_names_the_engine(answer, port, 503)
    assert answer.values(b"Retry-After") != []


async def test_an_engine_that_never_answers(path: bytes) -> None:
    async with (
        RecordingEngine(says(b"", then="hold")) as engine,
        SidecarProcess(engine.url, SIDECAR_ENGINE_RESPONSE_TIMEOUT="0.5") as sidecar,
        await RawClient.connect(sidecar.port) as client,
    ):
        answer = await client.ask(ask(path))
        assert_names_the_engine(answer, engine.port, 504)
        [record] = engine.at(path)
        async with asyncio.timeout(5):
            await record.wire.gone.wait()


async def test_an_engine_that_never_answers_but_streams_slowly_is_no_failure(path: bytes) -> None:
    """The time-out is for the first byte of the answer, not for the answer."""

    async def slow(exchange: Exchange) -> None:
        await exchange.send(OK + b"Content-Length: 2\r\n\r\nh")
        await asyncio.sleep(1.2)
        await exchange.send(b"i")

    async with (
        RecordingEngine(slow) as engine,
        SidecarProcess(engine.url, SIDECAR_ENGINE_RESPONSE_TIMEOUT="0.5") as sidecar,
        await RawClient.connect(sidecar.port) as client,
    ):
        assert (await client.ask(ask(path))).body == b"hi"
