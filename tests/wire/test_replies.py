"""An engine that answers badly: 502, 503 or 504 that names it, or a body that visibly breaks off.

Never 500, never a clean end of half a body, never a second answer taken for the next request's.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.harness.behaviours import Then, says
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, BrokenOff, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


@dataclass(frozen=True)
class Reply:
    """What the engine sends, and then does."""

    data: bytes
    then: Then = "close"


# No answer can be made of these: the client gets a 502.
UNUSABLE = {
    "closes-before-answering": Reply(b""),
    "resets-before-answering": Reply(b"", "reset"),
    "closes-in-the-status-line": Reply(b"HTTP/1.1 20"),
    "closes-in-the-head": Reply(OK + b"X-A: b\r\n"),
    "garbage": Reply(b"\x16\x03\x01garbage\xff\r\n\r\n"),
    "binary-without-an-end": Reply(b"\x00\x01\x02" * 100),
    "http-0.9": Reply(b"<html>hello</html>\r\n\r\n"),
    "another-protocol": Reply(b"ICY 200 OK\r\n" + EMPTY, "hold"),
    "ssh-banner": Reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "http-2.0": Reply(b"HTTP/2.0 200 OK\r\n" + EMPTY, "hold"),
    "no-status": Reply(b"HTTP/1.1\r\n" + EMPTY, "hold"),
    "status-of-two-digits": Reply(b"HTTP/1.1 20 OK\r\n" + EMPTY, "hold"),
    "status-of-four-digits": Reply(b"HTTP/1.1 2000 OK\r\n" + EMPTY, "hold"),
    "status-in-words": Reply(b"HTTP/1.1 OK\r\n" + EMPTY, "hold"),
    "status-000": Reply(b"HTTP/1.1 000 OK\r\n" + EMPTY, "hold"),
    "status-600": Reply(b"HTTP/1.1 600 OK\r\n" + EMPTY, "hold"),
    "status-999": Reply(b"HTTP/1.1 999 OK\r\n" + EMPTY, "hold"),
    "status-negative": Reply(b"HTTP/1.1 -200 OK\r\n" + EMPTY, "hold"),
    "nul-in-the-reason": Reply(b"HTTP/1.1 200 O\x00K\r\n" + EMPTY, "hold"),
    "cr-in-the-reason": Reply(b"HTTP/1.1 200 O\rK\r\n" + EMPTY, "hold"),
    "nul-in-a-value": Reply(OK + b"X-A: a\x00b\r\n" + EMPTY, "hold"),
    "control-in-a-value": Reply(OK + b"X-A: a\x01b\r\n" + EMPTY, "hold"),
    "escape-in-a-value": Reply(OK + b"X-A: \x1b[2J\r\n" + EMPTY, "hold"),
    "cr-in-a-value": Reply(OK + b"X-A: a\rSet-Cookie: x=y\r\n" + EMPTY, "hold"),
    "lf-line-end": Reply(OK + b"X-A: a\nX-B: b\r\n" + EMPTY, "hold"),
    "lf-everywhere": Reply(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    "folded": Reply(OK + b"X-A: a\r\n b\r\n" + EMPTY, "hold"),
    "space-before-colon": Reply(OK + b"X-A : b\r\n" + EMPTY, "hold"),
    "length-space-before-colon": Reply(OK + b"Content-Length : 5\r\n\r\nhello", "hold"),
    "no-name": Reply(OK + b": b\r\n" + EMPTY, "hold"),
    "no-colon": Reply(OK + b"X-A\r\n" + EMPTY, "hold"),
    "control-in-a-name": Reply(OK + b"X\x01A: b\r\n" + EMPTY, "hold"),
    "coding-and-length": Reply(
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "hold",
    ),
    "two-lengths": Reply(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "hold"),
    "two-equal-lengths": Reply(OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hold"),
    "length-list": Reply(OK + b"Content-Length: 5, 5\r\n\r\nhello", "hold"),
    "length-negative": Reply(OK + b"Content-Length: -5\r\n\r\nhello", "hold"),
    "length-with-plus": Reply(OK + b"Content-Length: +5\r\n\r\nhello", "hold"),
    "length-hex": Reply(OK + b"Content-Length: 0x5\r\n\r\nhello", "hold"),
    "length-empty": Reply(OK + b"Content-Length:\r\n\r\nhello", "hold"),
    "length-2^64": Reply(OK + b"Content-Length: 18446744073709551621\r\n\r\nhello", "hold"),
    "length-look-alike": Reply(OK + b"Content_Length: 9\r\n" + HELLO, "hold"),
    "coding-look-alike": Reply(OK + b"Transfer_Encoding: chunked\r\n" + HELLO, "hold"),
    "coding-identity": Reply(OK + b"Transfer-Encoding: identity\r\n\r\nhello"),
    "coding-list": Reply(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "hold"),
    "coding-twice": Reply(
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "hold"
    ),
    "coding-unknown": Reply(OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "hold"),
    "coding-in-http-1.0": Reply(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "close"
    ),
    "switches-protocols": Reply(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "hold",
    ),
    "switches-to-h2c": Reply(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "hold"
    ),
    "head-of-2-mib": Reply(OK + b"X-A: %b\r\n" % (b"a" * 1000) * 2000 + EMPTY, "hold"),
    "100000-headers": Reply(OK + b"X-A: b\r\n" * 100_000 + EMPTY, "hold"),
    "one-header-of-1-mib": Reply(OK + b"X-A: %b\r\n" % (b"a" * 2**20) + EMPTY, "hold"),
    "head-that-never-ends": Reply(OK + b"X-A: b\r\n" * 100_000, "hold"),
    "interim-then-close": Reply(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "interim-without-end": Reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, "close"),
}

# The head was good and has gone to the client; the body must not look complete.
BROKEN = {
    "length-too-long": Reply(OK + b"Content-Length: 10\r\n\r\nhello"),
    "length-too-long-reset": Reply(OK + b"Content-Length: 10\r\n\r\nhello", "reset"),
    "length-and-no-body": Reply(OK + b"Content-Length: 10\r\n\r\n"),
    "chunks-without-the-last": Reply(CHUNKED + b"5\r\nhello\r\n"),
    "chunks-without-the-last-reset": Reply(CHUNKED + b"5\r\nhello\r\n", "reset"),
    "chunks-end-in-the-last": Reply(CHUNKED + b"5\r\nhello\r\n0\r\n"),
    "chunks-end-in-a-size": Reply(CHUNKED + b"5\r\nhello\r\n1"),
    "chunks-end-in-data": Reply(CHUNKED + b"a\r\nhello"),
    "no-chunk-at-all": Reply(CHUNKED),
    "chunk-size-wrong": Reply(CHUNKED + b"5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-negative": Reply(CHUNKED + b"5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-hex-prefix": Reply(CHUNKED + b"5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-2^64": Reply(CHUNKED + b"5\r\nhello\r\n10000000000000005\r\nhello", "hold"),
    "chunk-data-too-long": Reply(CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", "hold"),
    "chunk-data-too-short": Reply(CHUNKED + b"5\r\nhell\r\n0\r\n\r\n", "hold"),
    "chunk-size-with-lf": Reply(CHUNKED + b"5\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-without-crlf": Reply(CHUNKED + b"5\r\nhello0\r\n\r\n", "hold"),
    "until-the-end-reset": Reply(OK + b"\r\nhello", "reset"),
}

# A good answer and then something: the answer counts, the connection is not used again.
TRAILING = {
    "a-second-answer": Reply(OK + HELLO + SMUGGLED_ANSWER, "hold"),
    "a-second-answer-after-chunks": Reply(
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + SMUGGLED_ANSWER, "hold"
    ),
    "bytes-behind-the-length": Reply(OK + b"Content-Length: 5\r\n\r\nhello world", "hold"),
    "crlf-behind-the-length": Reply(OK + HELLO + b"\r\n", "hold"),
    "closes-without-saying-so": Reply(OK + HELLO, "close"),
    "resets-without-saying-so": Reply(OK + b"Connection: close\r\n" + HELLO, "reset"),
    "trailers": Reply(CHUNKED + b"5\r\nhello\r\n0\r\nX-Trail: x\r\n\r\n", "hold"),
}

BODILESS = {
    "body-on-204": (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n" + SMUGGLED_ANSWER),
    "length-on-204": (b"GET", b"HTTP/1.1 204 No Content\r\n" + HELLO),
    "body-on-304": (b"GET", b"HTTP/1.1 304 Not Modified\r\n" + HELLO),
    "body-on-head": (b"HEAD", OK + HELLO),
    "chunks-on-head": (b"HEAD", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
}


def ask(path: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"%b %b %b\r\nHost: t\r\nConnection: keep-alive\r\n\r\n" % (method, path, version)


def assert_names_the_engine(answer: Answer, engine: RecordingEngine, *statuses: int) -> None:
    assert answer.status in statuses, answer.message.head
    assert answer.values(b"Content-Type")[0].startswith(b"application/json")
    error = json.loads(answer.body)
    assert f"127.0.0.1:{engine.port}" in error["error"]["message"] == error["detail"]
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
    assert_names_the_engine(answer, engine, 502)
    [record] = engine.at(path)
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
        assert_names_the_engine(answer, engine, 502)
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
        assert_names_the_engine(answer, engine, 502)


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
    """The engine reads some, answers 413 and closes: its reset may overtake its answer."""

    async def behave(exchange: Exchange) -> None:
        await exchange.wire.exactly(50_000)
        await exchange.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + HELLO)
        exchange.wire.finish()
        await exchange.wire.closed() if then == "hold" else await exchange.close()
        exchange.keep_alive = False

    engine.on(path, behave)
    head = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % (path, size)
    answer = await client.ask(head + b"x" * size)
    expected = (413,) if then == "hold" else (413, 502)
    assert answer.status in expected
    assert len(engine.at(path)) == 1


async def test_an_engine_that_is_not_there(path: bytes) -> None:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        async with await RawClient.connect(sidecar.port) as client:
            assert (await client.ask(ask(path))).status == 200
            await engine.stop_listening()
            for wire in engine.wires:
                await wire.close()
            for _ in range(3):
                answer = await client.ask(ask(path))
                assert_names_the_engine(answer, engine, 502, 503)


async def test_an_engine_that_was_never_there(path: bytes) -> None:
    async with RecordingEngine() as engine:
        port, url = engine.port, engine.url
        await engine.stop_listening()
        async with SidecarProcess(url) as sidecar:
            async with await RawClient.connect(sidecar.port) as client:
                answer = await client.ask(ask(path))
        assert answer.status == 503
        assert answer.values(b"Retry-After") != []
        assert f"127.0.0.1:{port}" in json.loads(answer.body)["detail"]


async def test_an_engine_that_never_answers(path: bytes) -> None:
    async with (
        RecordingEngine(says(b"", then="hold")) as engine,
        SidecarProcess(engine.url, SIDECAR_ENGINE_RESPONSE_TIMEOUT="0.5") as sidecar,
        await RawClient.connect(sidecar.port) as client,
    ):
        answer = await client.ask(ask(path))
        assert_names_the_engine(answer, engine, 504)
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
