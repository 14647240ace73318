"""A client that leaves: the engine is told at once, and nothing of the exchange stays behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.behaviours import says
from tests.harness.process import SidecarProcess
from tests.harness.process_figures import descriptors
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, Record, RecordingEngine
from tests.harness.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The promise. Textbook aiohttp notices only when the engine answers.
TOLD_WITHIN = 0.5
CROWD = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar(engine: RecordingEngine) -> AsyncIterator[SidecarProcess]:
    """Idle engine connections are closed soon, so that descriptors can be counted."""
    async with SidecarProcess(engine.url, SIDECAR_ENGINE_IDLE_SECONDS="0.5") as sidecar:
        yield sidecar
        await sidecar.stop()
    assert sidecar.errors == ""


async def leave(client: RawClient, way: str) -> None:
    await (client.wire.close() if way == "close" else client.wire.reset())


async def assert_told(record: Record, within: float = TOLD_WITHIN) -> None:
    left_at = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        await record.wire.gone.wait()
    assert record.wire.ended_at - left_at < within


async def silence(exchange: Exchange) -> None:
    await exchange.wire.gone.wait()
    exchange.keep_alive = False


async def stream(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while exchange.wire.ending is None:
        await exchange.send(b"8\r\ndata: x\n\r\n")
        await asyncio.sleep(0.01)
    exchange.keep_alive = False


REQUESTS = {
    "get": b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n",
    "post": b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
    "post-chunked": b"POST %b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "http-1.0": b"GET %b HTTP/1.0\r\n\r\n",
    "expect": b"POST %b HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("way", ["close", "reset"])
@pytest.mark.parametrize("request_name", REQUESTS)
async def test_the_engine_is_told_before_its_first_byte(
    client: RawClient, engine: RecordingEngine, path: bytes, request_name: str, way: str
) -> None:
    engine.on(path, says(b"", then="hold"))
    await client.send(REQUESTS[request_name] % path)
    record = await engine.arrived(path)
    assert await eventually(lambda: record.complete)
    await leave(client, way)
    await assert_told(record)


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_the_engine_is_told_on_a_connection_that_was_used_before(
    client: RawClient, engine: RecordingEngine, path: bytes, way: str
) -> None:
    assert (await client.ask(REQUESTS["post"] % (path + b"/before"))).status == 200
    engine.on(path, silence)
    await client.send(REQUESTS["get"] % path)
    record = await engine.arrived(path)
    await leave(client, way)
    await assert_told(record)


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_the_engine_is_told_in_the_middle_of_a_stream(
    client: RawClient, engine: RecordingEngine, path: bytes, way: str
) -> None:
    engine.on(path, stream)
    await client.send(REQUESTS["get"] % path)
    await anext(client.body(await client.head()))
    await leave(client, way)
    await assert_told(await engine.arrived(path))


async def test_the_engine_is_told_between_two_events(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: x\n\r\n"
    engine.on(path, says(first, then="hold"))
    await client.send(REQUESTS["get"] % path)
    await anext(client.body(await client.head()))
    await leave(client, "close")
    await assert_told(await engine.arrived(path))


@pytest.mark.parametrize("way", ["close", "reset"])
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
async def test_an_upload_that_breaks_off_breaks_off_at_the_engine(
    client: RawClient, engine: RecordingEngine, path: bytes, chunked: bool, way: str
) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000"
    half = b"x" * 5000
    await client.send(
        b"POST %b HTTP/1.1\r\nHost: t\r\n%b\r\n\r\n" % (path, framing)
        + (b"1388\r\n%b\r\n" % half if chunked else half)
    )
    record = await engine.arrived(path)
    await leave(client, way)
    await assert_told(record)
    assert not record.complete


async def test_pipelined_requests_of_a_client_that_left_are_not_sent(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    """The first is under way; whatever follows was asked for by nobody who is still there."""
    engine.on(path, silence)
    await client.send(REQUESTS["get"] % path + REQUESTS["post"] % (path + b"/second") * 10)
    record = await engine.arrived(path)
    await leave(client, "reset")
    await assert_told(record)
    await asyncio.sleep(0.2)
    assert engine.at(path + b"/second") == []


async def test_descriptors_are_back_at_their_start_after_a_crowd_left(
    engine: RecordingEngine, sidecar: SidecarProcess, path: bytes
) -> None:
    await asyncio.sleep(1.5)  # until the engine connections of earlier tests are gone
    before = descriptors(sidecar.pid)
    half = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nhalf" % path
    engine.on(path, silence)
    engine.on(path + b"/stream", stream)
    for data in (
        REQUESTS["get"] % path,
        REQUESTS["get"] % (path + b"/stream"),
        half,
        b"GET /half-a-head HTTP/1.1\r\nHo",
        b"",
    ):
        clients = [await RawClient.connect(sidecar.port) for _ in range(CROWD)]
        await asyncio.gather(*(client.send(data) for client in clients))
        assert await eventually(lambda: descriptors(sidecar.pid) >= before + CROWD)
        for number, client in enumerate(clients):
            await leave(client, "close" if number % 2 else "reset")
    assert await eventually(lambda: descriptors(sidecar.pid) <= before)


async def arrived(engine: RecordingEngine, count: int) -> None:
    assert await eventually(lambda: len(engine.at(b"/at-once")) == count)


async def test_leaving_as_the_answer_comes_is_no_fault(engine: RecordingEngine) -> None:
    """The write fails before the loop has told that the connection is lost."""
    both = asyncio.Event()

    async def at_once(exchange: Exchange) -> None:
        await exchange.read_body()
        await both.wait()
        await exchange.reply(b"x" * 100_000)

    engine.on(b"/at-once", at_once)
    async with SidecarProcess(engine.url, SIDECAR_EXPRESS="off") as sidecar:
        for turn in range(1, 11):
            both.clear()
            clients = [await RawClient.connect(sidecar.port) for _ in range(30)]
            for client in clients:
                await client.send(b"GET /at-once HTTP/1.1\r\nHost: t\r\n\r\n")
            await arrived(engine, 30 * turn)
            both.set()
            for client in clients:
                await client.wire.reset()
        assert await eventually(lambda: sum("path" in line for line in sidecar.log) == 300)
        assert [line for line in sidecar.log if line["level"] == "error"] == []
