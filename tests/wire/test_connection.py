"""A connection to an engine that is slow, early, endless or rude; each in front of bare sockets."""

import asyncio
import time

import pytest

from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import HEAD_LIMIT, Reply
from sidecar.errors import EngineError
from tests.wire.bare_engine import Met, met, on_uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmore"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000\r\n\r\n"
# More than both sides' kernels hold of a connection that is not read.
STUCK = b"x" * 10_000_000


def asking(at: Met) -> Exchange:
    exchange = Exchange(at.engine, at.connection)
    exchange.start(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    exchange.finish_request()
    return exchange


def uploading(at: Met) -> Exchange:
    exchange = Exchange(at.engine, at.connection)
    exchange.start(POST)
    exchange.write(STUCK)
    return exchange


async def body(exchange: Exchange) -> bytes:
    pieces = []
    while piece := await exchange.read():
        pieces.append(piece)
    return b"".join(pieces)


def padded(size: int) -> bytes:
    """A reply whose head has so many bytes before its empty line."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: "
    return start + b"a" * (size - len(start)) + b"\r\n\r\nok"


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("interim", [HINTS, CONTINUE])
@on_uvloop
async def test_interim_replies_without_end_are_no_reply(interim: bytes, at_once: bool) -> None:
    count = 2 * HEAD_LIMIT // len(interim)
    seen: list[Reply] = []
    async with met() as at, asyncio.timeout(10):
        exchange = asking(at)
        exchange.on_interim = seen.append
        await at.wire.send(interim * count, step=0 if at_once else 1000)
        with pytest.raises(EngineError, match="interim"):
            await exchange.head()
        await at.wire.gone.wait()
        assert len(seen) <= count // 2


@on_uvloop
async def test_interim_replies_that_fit_are_taken_anew_for_each_request() -> None:
    count = HEAD_LIMIT // len(HINTS) - 1
    async with met() as at, asyncio.timeout(10):
        for _ in range(2):
            exchange = asking(at)
            await at.wire.send(HINTS * count + OK)
            assert (await exchange.head()).status == 200
            assert await body(exchange) == b"ok"


@pytest.mark.parametrize("size", [HEAD_LIMIT, HEAD_LIMIT + 1])
@pytest.mark.parametrize("cut", [None, -6, -5, -4, -3, -1])
@on_uvloop
async def test_how_long_a_head_may_be_does_not_depend_on_its_pieces(
    size: int, cut: int | None
) -> None:
    data = padded(size)
    async with met() as at:
        exchange = asking(at)
        at.connection.data_received(data[:cut])
        if cut is not None and not at.connection.is_closed:
            at.connection.data_received(data[cut:])
        if size > HEAD_LIMIT:
            with pytest.raises(EngineError, match="longer"):
                await exchange.head()
        else:
            assert (await exchange.head()).status == 200


@on_uvloop
async def test_a_head_in_single_bytes_is_read() -> None:
    async with met() as at, asyncio.timeout(10):
        exchange = asking(at)
        await at.wire.send(HINTS + OK, step=1)
        assert (await exchange.head()).status == 200
        assert await body(exchange) == b"ok"


@on_uvloop
async def test_an_engine_that_reads_no_more_and_ends_its_side_has_not_answered() -> None:
    """Nobody may wait until it has taken the rest of the request, which it never will."""
    async with met(reading=False) as at, asyncio.timeout(5):
        exchange = uploading(at)
        at.wire.finish()
        with pytest.raises(EngineError, match="before answering"):
            await exchange.head()


@on_uvloop
async def test_a_reply_that_ends_with_the_connection_does_not_wait_for_the_upload() -> None:
    async with met(reading=False) as at, asyncio.timeout(5):
        exchange = uploading(at)
        await at.wire.send(b"HTTP/1.1 413 Content Too Large\r\n\r\ntoo large")
        at.wire.finish()
        assert (await exchange.head()).status == 413
        assert await body(exchange) == b"too large"


@on_uvloop
async def test_a_connection_whose_engine_has_not_taken_the_request_is_not_used_again() -> None:
    """The next request would wait behind the rest of this one, and its sender not be held back."""
    async with met(reading=False) as at, asyncio.timeout(5):
        exchange = uploading(at)
        exchange.finish_request()
        await at.wire.send(OK)
        assert await body(exchange) == b"ok"
        assert at.engine.take_idle() is None


@on_uvloop
async def test_a_reply_that_a_failed_write_would_throw_away() -> None:
    """The engine answers, closes with the request half read, and its reset meets our next piece."""
    async with met(reading=False) as at, asyncio.timeout(5):
        exchange = Exchange(at.engine, at.connection)
        exchange.start(POST)
        exchange.write(b"x" * 1000)
        await at.wire.send(TOO_LARGE)
        await at.wire.close()
        time.sleep(0.02)  # noqa: ASYNC251 -- the loop must not read before the piece is written
        exchange.write(b"x" * 1000)
        exchange.write(b"x" * 1000)
        assert (await exchange.head()).status == 413
        assert await body(exchange) == b"more"


@pytest.mark.parametrize("claim", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
@on_uvloop
async def test_a_204_that_claims_a_body_ends_its_connection(claim: bytes) -> None:
    """The body would come behind the next request, and be taken for its reply."""
    async with met() as at, asyncio.timeout(5):
        exchange = asking(at)
        await at.wire.send(b"HTTP/1.1 204 No Content\r\n%b\r\n\r\n" % claim)
        assert (await exchange.head()).status == 204
        assert await body(exchange) == b""
        assert at.engine.take_idle() is None


@on_uvloop
async def test_a_304_has_the_length_that_a_200_would_have() -> None:
    """RFC 9110 section 8.6: that is no claim."""
    async with met() as at, asyncio.timeout(5):
        exchange = asking(at)
        await at.wire.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
        assert (await exchange.head()).status == 304
        assert await body(exchange) == b""
        assert at.engine.take_idle() is at.connection


@pytest.mark.parametrize(
    "head, kept",
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close", False),
    ],
)
@on_uvloop
async def test_a_connection_is_kept_as_its_reply_says(head: bytes, kept: bool) -> None:
    async with met() as at, asyncio.timeout(5):
        exchange = asking(at)
        await at.wire.send(head + b"\r\nContent-Length: 2\r\n\r\nok")
        assert await body(exchange) == b"ok"
        assert (at.engine.take_idle() is at.connection) == kept
