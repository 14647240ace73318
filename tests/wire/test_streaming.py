"""Bodies flow while they are made, in order and in bounded memory."""

import asyncio
import hashlib
import random

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB, forget_peak, peak, resident
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = 64 * MIB
GROWTH = 16 * MIB
PIECE = bytes(range(256)) * 1024
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "head",
    [STREAM + b"Transfer-Encoding: chunked\r\n\r\n", STREAM + b"Connection: close\r\n\r\n"],
    ids=["chunked", "until-the-end"],
)
async def test_each_event_arrives_before_the_next_is_made(
    client: RawClient, engine: RecordingEngine, path: bytes, head: bytes
) -> None:
    arrived = asyncio.Semaphore(0)
    chunked = b"chunked" in head

    async def behave(exchange: Exchange) -> None:
        await exchange.read_body()
        await exchange.send(head)
        for number in range(20):
            event = b"data: %d\n\n" % number
            await exchange.send(chunk(event) if chunked else event)
            await arrived.acquire()
        if chunked:
            await exchange.send(b"0\r\n\r\n")
        else:
            await exchange.close()

    engine.on(path, behave)
    await client.send(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    answer = await client.head()
    assert answer.values(b"Content-Type") == [b"text/event-stream"]
    events = []
    async with asyncio.timeout(10):
        async for piece in client.body(answer):
            events.append(piece)
            arrived.release()
    assert events == [b"data: %d\n\n" % number for number in range(20)]


async def test_half_a_chunk_and_half_a_counted_body_are_not_held_back(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    arrived = asyncio.Event()

    def behave(first: bytes, second: bytes) -> None:
        async def halves(exchange: Exchange) -> None:
            await exchange.send(first)
            await arrived.wait()
            await exchange.send(second)

        engine.on(path, halves)

    ok = b"HTTP/1.1 200 OK\r\n"
    for first, second in (
        (ok + b"Content-Length: 10\r\n\r\nhello", b"world"),
        (ok + b"Transfer-Encoding: chunked\r\n\r\na\r\nhello", b"world\r\n0\r\n\r\n"),
    ):
        arrived.clear()
        behave(first, second)
        await client.send(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
        body = client.body(await client.head())
        async with asyncio.timeout(5):
            assert await anext(body) == b"hello"
            arrived.set()
            assert b"".join([piece async for piece in body]) == b"world"


@pytest.mark.parametrize("target", [None, b"/invocations"])
async def test_an_upload_reaches_the_engine_while_it_is_sent(
    client: RawClient, engine: RecordingEngine, path: bytes, target: bytes | None
) -> None:
    path = target or path
    halfway = asyncio.Event()

    async def behave(exchange: Exchange) -> None:
        await exchange.wire.exactly(100_000)
        halfway.set()
        await exchange.wire.exactly(100_000)
        await exchange.reply(b"all of it")

    engine.on(path, behave)
    await client.send(
        b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Type: audio/wav\r\n"
        b"Content-Length: 200000\r\n\r\n" % path + b"x" * 100_000
    )
    async with asyncio.timeout(5):
        await halfway.wait()
    await client.send(b"x" * 100_000)
    assert (await client.answer(b"POST")).body == b"all of it"


def large_digest() -> str:
    digest = hashlib.sha256()
    for _ in range(LARGE // len(PIECE)):
        digest.update(PIECE)
    return digest.hexdigest()


@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
async def test_a_large_upload_takes_little_memory(
    client: RawClient,
    engine: RecordingEngine,
    sidecar: SidecarProcess,
    path: bytes,
    chunked: bool,
) -> None:
    before = resident(sidecar.pid)
    forget_peak(sidecar.pid)
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % LARGE
    await client.send(b"POST %b HTTP/1.1\r\nHost: t\r\n%b\r\n\r\n" % (path, framing))
    for _ in range(LARGE // len(PIECE)):
        await client.send(chunk(PIECE) if chunked else PIECE)
    await client.send(b"0\r\n\r\n" if chunked else b"")
    assert (await client.answer(b"POST", limit=30)).status == 200
    [record] = engine.at(path)
    assert (record.size, record.sha256) == (LARGE, large_digest())
    assert peak(sidecar.pid) - before < GROWTH


@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
async def test_a_large_answer_takes_little_memory(
    client: RawClient,
    engine: RecordingEngine,
    sidecar: SidecarProcess,
    path: bytes,
    chunked: bool,
) -> None:
    async def behave(exchange: Exchange) -> None:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % LARGE
        await exchange.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
        for _ in range(LARGE // len(PIECE)):
            await exchange.send(chunk(PIECE) if chunked else PIECE)
        await exchange.send(b"0\r\n\r\n" if chunked else b"")

    engine.on(path, behave)
    before = resident(sidecar.pid)
    forget_peak(sidecar.pid)
    await client.send(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)
    answer, digest = await client.digest()
    assert (answer.status, digest) == (200, large_digest())
    assert peak(sidecar.pid) - before < GROWTH


async def test_pipelined_requests_are_answered_in_order(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    dice = random.Random(1)
    delays = [dice.choice((0, 0, 0.001, 0.008)) for _ in range(200)]

    async def behave(exchange: Exchange) -> None:
        number = exchange.record.target.rpartition(b"=")[2]
        await asyncio.sleep(delays[int(number)])
        await exchange.reply(number)

    engine.on(path, behave)
    request = b"GET %b?n=%d HTTP/1.1\r\nHost: t\r\n\r\n"
    await client.send(b"".join(request % (path, number) for number in range(200)))
    bodies = [(await client.answer()).body for _ in range(200)]
    assert bodies == [b"%d" % number for number in range(200)]
    assert len(engine.at(path)) == 200


async def test_pipelined_requests_with_bodies_keep_them_apart(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    start = b"POST %b HTTP/1.1\r\nHost: t\r\n" % path
    counted = start + b"Content-Length: 7\r\n\r\ncounted"
    chunked = start + b"Transfer-Encoding: chunked\r\n\r\n7\r\nchunked\r\n0\r\n\r\n"
    await client.send((counted + chunked) * 20, step=97)
    statuses = [(await client.answer(b"POST")).status for _ in range(40)]
    assert statuses == [200] * 40
    bodies = [bytes(record.body) for record in engine.at(path)]
    assert bodies == [b"counted", b"chunked"] * 20
