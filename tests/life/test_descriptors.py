"""256 descriptors: who is in is served, who is too many is told, and the processor rests."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.process_figures import descriptors
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import assert_try_again, get, once, ping, ping_becomes

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 256
PREFIX = ("sh", "-c", f'ulimit -n {LIMIT} && exec "$0" "$@"')
# Half of the limit, for a connection to the engine each, less what files need.
MAX = LIMIT // 2 - 64
POST = b"POST /post HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[RecordingEngine]:
    async with RecordingEngine() as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar(engine: RecordingEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(
        engine.url, prefix=PREFIX, SIDECAR_ENGINE_IDLE_SECONDS="0.5"
    ) as sidecar:
        await ping_becomes(sidecar, 200, 1.5)
        yield sidecar
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(sidecar: SidecarProcess) -> AsyncIterator[list[RawClient]]:
    """As many clients as may be, each with one answer; nobody else is connected."""
    assert await eventually(lambda: descriptors(sidecar.pid) < 40)
    async with AsyncExitStack() as stack:
        yield [await _client(stack, sidecar) for _ in range(MAX)]


async def _client(stack: AsyncExitStack, sidecar: SidecarProcess) -> RawClient:
    client = await stack.enter_async_context(await RawClient.connect(sidecar.port))
    assert (await client.ask(POST)).status == 200
    return client


@asynccontextmanager
async def flood(sidecar: SidecarProcess) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(LIMIT * 2):
            await stack.enter_async_context(await RawClient.connect(sidecar.port, reading=False))
        yield


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_one_too_many_is_told_so_and_those_who_are_in_are_served(
    sidecar: SidecarProcess, crowd: list[RawClient]
) -> None:
    async with await RawClient.connect(sidecar.port) as late:
        answer = await late.ask(POST)
        assert_try_again(answer)
        assert answer.values(b"Connection") == [b"close"]
        assert await late.closed() == "end"
    assert [(await client.ask(POST)).status for client in crowd] == [200] * MAX


async def test_streams_of_all_go_on(
    sidecar: SidecarProcess, engine: RecordingEngine, crowd: list[RawClient]
) -> None:
    """Now each client needs a connection to the engine of its own."""
    end = asyncio.Event()

    async def stream(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await end.wait()
        await exchange.send(b"1\r\nb\r\n0\r\n\r\n")

    engine.on(b"/stream", stream)
    for client in crowd:
        await client.send(get(b"/stream"))
    heads = [await client.head() for client in crowd]
    for _ in range(10):
        assert_try_again(await once(sidecar.port, POST))
    end.set()
    for client, head in zip(crowd, heads, strict=True):
        assert b"".join([piece async for piece in client.body(head)]) == b"ab"


async def test_a_flood_that_stays_does_not_starve_those_who_are_in(
    sidecar: SidecarProcess, engine: RecordingEngine, crowd: list[RawClient]
) -> None:
    """More connections than descriptors, which neither read nor leave, while all are at work."""

    async def work(exchange: Exchange) -> None:
        await exchange.read_body()
        await asyncio.sleep(0.3)
        await exchange.reply()

    engine.on(b"/work", work)
    async with flood(sidecar):
        for client in crowd:
            await client.send(POST.replace(b"/post", b"/work"))
        assert [(await client.answer()).status for client in crowd] == [200] * MAX
        assert (await crowd[0].ask(get(b"/ping"))).status == 200


async def test_at_the_limit_the_processor_rests(
    sidecar: SidecarProcess, crowd: list[RawClient]
) -> None:
    async with flood(sidecar):
        await asyncio.sleep(0.3)
        before = processor_seconds(sidecar.pid)
        await asyncio.sleep(1)
        assert processor_seconds(sidecar.pid) - before < 0.2


async def test_newcomers_are_served_as_soon_as_there_is_room(
    sidecar: SidecarProcess, crowd: list[RawClient]
) -> None:
    assert_try_again(await ping(sidecar))
    for client in crowd[:10]:
        await client.wire.close()
    await ping_becomes(sidecar, 200, 3)
    for client in crowd[10:]:
        await client.wire.close()
    async with asyncio.timeout(3):
        async with AsyncExitStack() as stack:
            for _ in range(MAX - 1):
                await _client(stack, sidecar)
