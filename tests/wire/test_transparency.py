"""Heads and bodies go through byte for byte, both ways.

Targets and single headers are in tests/wire/malformed, where the legal cases are compared too.
"""

import gzip
import hashlib
import zlib

import pytest

from tests.harness.behaviours import chunked, echo, says
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.wire import Gone

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERY_BYTE = bytes(range(256))
CODING = b"\r\nTransfer-Encoding: chunked"
FRAMING = (b"content-length", b"transfer-encoding")

REQUEST_FIELDS = [
    (b"Host", b"engine.example:80"),
    (b"x-LoWeR", b"MiXeD"),
    (b"Accept", b"*/*"),
    (b"X-Twice", b"1"),
    (b"User-Agent", b"caf\xe9 \xff\xfe"),
    (b"X-Twice", b"2"),
    (b"X_Under_Score", b"kept"),
    (b"Cookie", b"a=b"),
    (b"X-Empty", b""),
    (b"Cookie", b"c=d"),
    (b"Accept-Encoding", b"zstd, gzip"),
    (b"X-Forwarded-For", b"10.0.0.1"),
]

ANSWER_FIELDS = [
    (b"x-LoWeR", b"MiXeD"),
    (b"Set-Cookie", b"a=b; Path=/"),
    (b"Server", b"an engine"),
    (b"X-Latin", b"caf\xe9 \xff\xfe"),
    (b"Set-Cookie", b"c=d"),
    (b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"X-Empty", b""),
    (b"X_Under_Score", b"kept"),
    (b"Content-Type", b'x/y; a="b"'),
    (b"WWW-Authenticate", b"Basic, Bearer"),
    (b"ETag", b'W/"1"'),
    (b"Content-Length", b"2"),
]


def head_of(fields: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"


def without_framing(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [field for field in fields if field[0].lower() not in FRAMING]


async def test_request_headers_arrive_in_order_and_unchanged_and_none_is_added(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    answer = await client.ask(b"GET %b?q=1&q=%%20 HTTP/1.1\r\n" % path + head_of(REQUEST_FIELDS))
    assert answer.status == 200
    [record] = engine.at(path)
    assert record.fields == REQUEST_FIELDS
    assert record.message.start == b"GET %b?q=1&q=%%20 HTTP/1.1" % path


async def test_answer_headers_arrive_in_order_and_unchanged_and_none_is_added(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(b"HTTP/1.1 200 OK\r\n" + head_of(ANSWER_FIELDS) + b"hi"))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    assert without_framing(answer.fields) == without_framing(ANSWER_FIELDS)
    assert answer.values(b"Content-Length") == [b"2"]
    assert answer.body == b"hi"


@pytest.mark.parametrize(
    "status",
    [
        b"200 Fine, thank you",
        b"200 ",
        b"202 Accepted",
        b"207 Multi-Status",
        b"299 Caf\xe9",
        b"301 Moved Permanently",
        b"400 Bad Request",
        b"404 Not here",
        b"418 I'm a teapot",
        b"424 Failed Dependency",
        b"429 Too Many Requests",
        b"500 Internal Server Error",
        b"503 Loading the model",
        b"599 Odd",
    ],
)
async def test_status_and_reason_are_the_engines(
    client: RawClient, engine: RecordingEngine, path: bytes, status: bytes
) -> None:
    engine.on(path, says(b"HTTP/1.1 %b\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" % status))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    assert b"%d %b" % (answer.status, answer.reason) == status
    assert answer.values(b"Location") == [b"/x"]


SIZES = (0, 1, 255, 256, 4096, 4097, 16383, 65535, 65536, 65537, 262144, 1_000_003)


def framed(body: bytes, *, chunk: int | None) -> bytes:
    """Framing header, empty line and body."""
    if chunk is None:
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunked(pieces).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [None, 7777], ids=["counted", "chunked"])
async def test_every_byte_value_arrives_whatever_the_size(
    client: RawClient, engine: RecordingEngine, path: bytes, size: int, chunk: int | None
) -> None:
    body = (EVERY_BYTE * (size // 256 + 1))[:size]
    engine.on(path, echo)
    start = b"POST %b HTTP/1.1\r\nHost: t\r\n" % path
    answer = await client.ask(start + framed(body, chunk=chunk))
    [record] = engine.at(path)
    assert record.sha256 == hashlib.sha256(body).hexdigest()
    assert record.values(b"Content-Length") == ([] if chunk else [b"%d" % size])
    assert answer.body == body


@pytest.mark.parametrize("size", SIZES)
async def test_every_byte_value_comes_back_in_chunks(
    client: RawClient, engine: RecordingEngine, path: bytes, size: int
) -> None:
    body = (EVERY_BYTE * (size // 256 + 1))[:size]
    engine.on(path, says(b"HTTP/1.1 200 OK\r\n" + framed(body, chunk=7777)))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    assert answer.values(b"Content-Length") == []
    assert answer.body == body


PLAIN = b"the quick brown fox " * 50
CODED = {
    b"gzip": gzip.compress(PLAIN, mtime=0),
    b"x-gzip": gzip.compress(PLAIN, mtime=0),
    b"deflate": zlib.compress(PLAIN),
    # A frame of "hello" without a library: magic, header, one raw block, RFC 8878.
    b"zstd": bytes.fromhex("28b52ffd2005290000") + b"hello",
    b"br": b"\x0b\x02\x80hello\x03",
    b"gzip, br": gzip.compress(PLAIN, mtime=0),
    b"aes128gcm": EVERY_BYTE,
    b"x-no-such-coding": EVERY_BYTE,
    b"GZIP": b"not gzip at all",
    b"identity": PLAIN,
}


@pytest.mark.parametrize("coding", CODED, ids=lambda coding: coding.decode())
@pytest.mark.parametrize("chunk", [None, 11], ids=["counted", "chunked"])
async def test_coded_bodies_are_neither_unpacked_nor_checked(
    client: RawClient, engine: RecordingEngine, path: bytes, coding: bytes, chunk: int | None
) -> None:
    body = CODED[coding]

    async def behave(exchange: Exchange) -> None:
        await exchange.read_body()
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n" % coding
        await exchange.send(head + framed(body, chunk=chunk))

    engine.on(path, behave)
    head = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Encoding: %b\r\n" % (path, coding)
    answer = await client.ask(head + framed(body, chunk=chunk))
    [record] = engine.at(path)
    assert (bytes(record.body), answer.body) == (body, body)
    assert (record.values(b"Content-Encoding"), answer.values(b"Content-Encoding")) == (
        [coding],
        [coding],
    )


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"200 OK\r\nContent-Length: 12345"),
        (b"HEAD", b"200 OK\r\nTransfer-Encoding: chunked"),
        (b"HEAD", b"404 Not Found\r\nContent-Length: 9"),
        (b"GET", b"204 No Content"),
        (b"GET", b'304 Not Modified\r\nETag: "x"'),
        (b"GET", b'304 Not Modified\r\nETag: "x"\r\nContent-Length: 12345'),
        (b"DELETE", b"204 No Content\r\nX-A: b"),
    ],
    ids=lambda part: part.decode().replace("\r\n", ", "),
)
async def test_answers_without_a_body_end_at_their_head(
    client: RawClient, engine: RecordingEngine, path: bytes, method: bytes, head: bytes
) -> None:
    engine.on(path, says(b"HTTP/1.1 %b\r\n\r\n" % head))
    request = b"%b %b HTTP/1.1\r\nHost: t\r\n\r\n" % (method, path)
    for _ in range(2):  # the second shows that nothing of the first was left on the connection
        answer = await client.ask(request)
        lines = b"".join(b"\r\n%b: %b" % field for field in answer.fields)
        got = b"%d %b%b" % (answer.status, answer.reason, lines)
        assert got.removesuffix(CODING) == head.removesuffix(CODING)  # says nothing after HEAD
    first, second = engine.at(path)
    assert first.connection == second.connection


async def test_a_trailer_is_no_header_of_the_next_request(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    """aiohttp 3.14.5 keeps the last trailer and puts it in front of the next request's headers.

    Behind a balancer that shares connections, that next request is somebody else's.
    """
    upload = b"POST %b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" % path
    trailers = b"0\r\nX-First: a\r\nX-Amzn-SageMaker-Session-Id: forged\r\n\r\n"
    assert (await client.ask(upload + b"5\r\nhello\r\n" + trailers)).status == 200
    try:
        answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    except Gone:
        return  # closing is one way to keep the two apart
    assert answer.status == 200
    assert engine.at(path)[1].fields == [(b"Host", b"t")]
