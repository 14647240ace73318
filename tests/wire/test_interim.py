"""1xx answers and Expect: one 100 of ours, none of the engine's, and no deadlock."""

import asyncio

import pytest

from tests.harness.behaviours import says
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine, say_ok

pytestmark = pytest.mark.asyncio(loop_scope="module")

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-A: b\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def upload(path: bytes, version: bytes = b"HTTP/1.1", size: int = 5) -> bytes:
    return (b"POST %b %b\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n") % (
        path,
        version,
        size,
    )


async def test_early_hints_reach_an_http_1_1_client(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(HINTS + HINTS + OK))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    assert [(one.status, one.reason, one.fields) for one in answer.interim] == [
        (103, b"Early Hints", [(b"Link", b"</a.css>; rel=preload"), (b"X-A", b"b")])
    ] * 2
    assert answer.body == b"hi"


async def test_early_hints_come_before_the_answer_is_ready(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    seen = asyncio.Event()

    async def behave(exchange: Exchange) -> None:
        await exchange.send(HINTS)
        await seen.wait()
        await exchange.send(OK)

    engine.on(path, behave)
    await client.send(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    async with asyncio.timeout(5):
        assert (await client.wire.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 103 Early Hints\r\n")
    seen.set()
    assert (await client.answer()).body == b"hi"


async def test_early_hints_are_not_for_an_http_1_0_client(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    """RFC 9110 section 15.2: a server must not send 1xx to an HTTP/1.0 client."""
    engine.on(path, says(HINTS + OK))
    answer = await client.ask(b"GET %b HTTP/1.0\r\nHost: t\r\n\r\n" % path)
    assert (answer.interim, answer.status, answer.body) == ([], 200, b"hi")


async def test_a_100_of_the_engine_that_nobody_expects_goes_no_further(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(CONTINUE + OK))
    answer = await client.ask(b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n" % path)
    assert (answer.interim, answer.body) == ([], b"hi")


@pytest.mark.parametrize("engine_says_100", [False, True])
async def test_a_client_that_waits_for_100_gets_exactly_one(
    client: RawClient, engine: RecordingEngine, path: bytes, engine_says_100: bool
) -> None:
    async def behave(exchange: Exchange) -> None:
        if engine_says_100:
            await exchange.send(CONTINUE)
        await say_ok(exchange)

    engine.on(path, behave)
    await client.send(upload(path))
    async with asyncio.timeout(5):
        assert await client.wire.until(b"\r\n\r\n") == CONTINUE
    await client.send(b"hello")
    answer = await client.answer(b"POST")
    assert (answer.interim, answer.status) == ([], 200)
    [record] = engine.at(path)
    assert (record.values(b"Expect"), bytes(record.body)) == ([], b"hello")


@pytest.mark.parametrize("size", [5, 300_000])
async def test_a_client_that_does_not_wait_for_100_is_served(
    client: RawClient, engine: RecordingEngine, path: bytes, size: int
) -> None:
    answer = await client.ask(upload(path, size=size) + b"x" * size)
    assert answer.status == 200 and len(answer.interim) <= 1
    assert engine.at(path)[0].size == size


async def test_an_http_1_0_client_gets_no_100(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    """RFC 9110 section 10.1.1: the expectation of an HTTP/1.0 client is ignored."""
    answer = await client.ask(upload(path, b"HTTP/1.0") + b"hello")
    assert (answer.interim, answer.status) == ([], 200)
    assert engine.at(path)[0].values(b"Expect") == []


@pytest.mark.parametrize("status", [b"413 Content Too Large", b"417 Expectation Failed"])
async def test_a_refusal_of_the_engine_before_the_body_reaches_the_client(
    client: RawClient, engine: RecordingEngine, path: bytes, status: bytes
) -> None:
    refusal = b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmore" % status
    engine.on(path, says(refusal, then="hold", before_the_body=True))
    await client.send(upload(path, size=1_000_000))
    answer = await client.answer(b"POST")
    assert (b"%d %b" % (answer.status, answer.reason), answer.body) == (status, b"more")


@pytest.mark.parametrize("value", [b"100-continue, x", b"later"])
async def test_another_expectation_is_refused_before_its_body(
    client: RawClient, engine: RecordingEngine, path: bytes, value: bytes
) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: t\r\nExpect: %b\r\nContent-Length: 5\r\n\r\n" % (path, value)
    answer = await client.ask(head)
    assert (answer.interim, answer.status) == ([], 417)
    assert engine.at(path) == []
