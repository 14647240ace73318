"""An answer that is done for the sidecar, and not yet for the one who reads it."""

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from tests.harness.behaviours import chunked
from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually

# What a transport may hold back while its writer is not told to wait: 64 KiB in uvloop.
HELD_BACK = 65536
GET = b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n"
GET_10 = b"GET /%d HTTP/1.0\r\n\r\n"


async def send_crate(exchange: Exchange) -> None:
    """As much as the path says."""
    await exchange.send(chunked([bytes(int(exchange.record.target[1:]))]))


async def ask(sidecar: SidecarProcess, request: bytes) -> RawClient:
    """A client that has asked, and reads nothing yet."""
    client = await RawClient.connect(sidecar.port, reading=False, receive_buffer=4096)
    await client.send(request)
    return client


async def is_done(sidecar: SidecarProcess, size: int) -> bool:
    """Whether the request of that size is done, for the sidecar."""
    return await eventually(
        lambda: any(line.get("path") == f"/{size}" for line in sidecar.log), 0.3
    )


async def half_held_back(sidecar: SidecarProcess, request: bytes) -> range:
    """Answers of these sizes fill the kernel's buffers, and some of it stays in the process.

    Most of them: what the kernel takes is not always the same.
    """
    done, too_much = 0, 8 * MIB
    while too_much - done > HELD_BACK // 4:
        size = (done + too_much) // 2
        async with await ask(sidecar, request % size):
            done, too_much = (size, too_much) if await is_done(sidecar, size) else (done, size)
    return range(done - HELD_BACK, done + HELD_BACK // 2, HELD_BACK // 4)


async def ask_all(
    stack: AsyncExitStack, sidecar: SidecarProcess, request: bytes
) -> dict[int, RawClient]:
    """One client for each size, all of which the sidecar has begun to answer."""
    sizes = await half_held_back(sidecar, request)
    clients = {size: await ask(sidecar, request % size) for size in sizes}
    for client in clients.values():
        await stack.enter_async_context(client)
    await asyncio.sleep(0.3)
    return clients


@pytest.mark.parametrize("express", ["on", "off"])
async def test_a_slow_reader_gets_the_whole_answer(express: str) -> None:
    async with (
        RecordingEngine(send_crate) as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express) as sidecar,
        AsyncExitStack() as stack,
    ):
        clients = await ask_all(stack, sidecar, GET)
        sidecar.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        assert sidecar.process.returncode is None
        for size, client in clients.items():
            client.wire.read_on()
            assert (await client.answer()).body == bytes(size)
        assert await sidecar.wait() == 0
        assert (await sidecar.event("stopped"))["aborted"] == 0


async def test_what_a_slow_reader_has_not_got_at_the_limit_looks_cut() -> None:
    """HTTP/1.0: the end of the connection is the end of the answer, unless it is a reset."""
    async with (
        RecordingEngine(send_crate) as engine,
        SidecarProcess(engine.url, SIDECAR_DRAIN_SECONDS="1") as sidecar,
        AsyncExitStack() as stack,
    ):
        clients = await ask_all(stack, sidecar, GET_10)
        assert await sidecar.stop() == 0
        assert (await sidecar.event("stopped"))["aborted"] > 0
        for size, client in clients.items():
            client.wire.read_on()
            try:
                assert len((await client.answer()).body) == size
            except BrokenOff as broken:
                assert broken.ending == "reset"
