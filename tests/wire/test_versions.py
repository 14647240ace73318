"""HTTP/1.0 on either side: the body's end must be as clear as before."""

import pytest

from tests.harness.behaviours import chunked, says
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import RecordingEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 300


def get(path: bytes, version: bytes = b"HTTP/1.0", *lines: bytes) -> bytes:
    return b"\r\n".join((b"GET %b %b" % (path, version), b"Host: t", *lines)) + b"\r\n\r\n"


async def test_a_chunked_answer_for_an_http_1_0_client_ends_with_the_connection(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(chunked([BODY, b"end"])))
    answer = await client.ask(get(path, b"HTTP/1.0", b"Connection: keep-alive"))
    assert answer.values(b"Transfer-Encoding") == []
    assert answer.body == BODY + b"end"
    assert await client.closed() == "end"


async def test_an_http_1_0_client_is_closed_after_its_answer(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    answer = await client.ask(get(path))
    assert (answer.status, answer.body) == (200, b"ok " + path)
    assert await client.closed() == "end"
    [record] = engine.at(path)
    assert record.version == b"HTTP/1.1"


async def test_an_http_1_0_client_may_keep_its_connection(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    for _ in range(2):
        answer = await client.ask(get(path, b"HTTP/1.0", b"Connection: Keep-Alive"))
        assert answer.values(b"Connection")[0].lower() == b"keep-alive"
    assert len(engine.at(path)) == 2


async def test_an_http_1_0_request_without_host_gets_one(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    answer = await client.ask(b"GET %b HTTP/1.0\r\nX-A: b\r\n\r\n" % path)
    assert answer.status == 200
    [record] = engine.at(path)
    assert len(record.values(b"Host")) == 1 and record.values(b"X-A") == [b"b"]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    ],
    ids=["1.0", "1.1", "close", "keep-alive"],
)
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_a_body_that_ends_with_the_engines_connection_arrives_complete(
    client: RawClient, engine: RecordingEngine, path: bytes, head: bytes, version: bytes
) -> None:
    engine.on(path, says(head + BODY, then="close"))
    answer = await client.ask(get(path, version))
    assert answer.body == BODY


async def test_an_http_1_0_engine_with_a_length_keeps_the_client_connected(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", then="close"))
    for _ in range(2):
        answer = await client.ask(get(path, b"HTTP/1.1"))
        assert (answer.body, answer.values(b"Connection")) == (b"hi", [])


async def test_an_http_1_1_client_that_says_close_is_closed(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, says(chunked([b"hi"])))
    answer = await client.ask(get(path, b"HTTP/1.1", b"Connection: close"))
    assert answer.body == b"hi"
    assert await client.closed() == "end"
