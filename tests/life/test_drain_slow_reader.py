"""An answer that is done for the sidecar, and not yet for the one who reads it."""

import asyncio
import signal

import pytest

from tests.harness.behaviours import chunked
from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import get

# What a transport may hold back while its writer is not told to wait: 64 KiB in uvloop.
HELD_BACK = 65536


async def send_crate(exchange: Exchange) -> None:
    """As much as the path says."""
    await exchange.send(chunked([bytes(int(exchange.record.target[1:]))]))


async def ask(sidecar: SidecarProcess, request: bytes) -> RawClient:
    """A client that has asked, and reads nothing yet."""
    client = await RawClient.connect(sidecar.port, reading=False, receive_buffer=4096)
    await client.send(request)
    return client


async def is_done(sidecar: SidecarProcess, size: int) -> bool:
    """Whether the request is done, for the sidecar, before anything is read."""
    client = await ask(sidecar, get(b"/%d" % size))
    try:
        return await eventually(
            lambda: any(line.get("path") == f"/{size}" for line in sidecar.log), 0.3
        )
    finally:
        await client.wire.close()


async def half_held_back(sidecar: SidecarProcess) -> int:
    """An answer of this size fills the kernel's buffers, and some of it stays in the process."""
    done, too_much = 0, 8 * MIB
    while too_much - done > HELD_BACK // 4:
        size = (done + too_much) // 2
        done, too_much = (size, too_much) if await is_done(sidecar, size) else (done, size)
    return done - HELD_BACK // 2


@pytest.mark.parametrize("express", ["on", "off"])
async def test_a_slow_reader_gets_the_whole_answer(express: str) -> None:
    async with (
        RecordingEngine(send_crate) as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express) as sidecar,
    ):
        size = await half_held_back(sidecar)
        async with await ask(sidecar, get(b"/%d" % size)) as client:
            assert await eventually(lambda: len(engine.at(b"/%d" % size)) == 1)
            await asyncio.sleep(0.2)
            sidecar.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(1)
            assert sidecar.process.returncode is None
            client.wire.read_on()
            assert (await client.answer()).body == bytes(size)
        assert await sidecar.wait() == 0
        assert (await sidecar.event("stopped"))["aborted"] == 0


async def test_what_a_slow_reader_has_not_got_at_the_limit_looks_cut() -> None:
    """HTTP/1.0: the end of the connection is the end of the answer, unless it is a reset."""
    async with (
        RecordingEngine(send_crate) as engine,
        SidecarProcess(engine.url, SIDECAR_DRAIN_SECONDS="1") as sidecar,
    ):
        size = await half_held_back(sidecar)
        async with await ask(sidecar, b"GET /%d HTTP/1.0\r\n\r\n" % size) as client:
            assert await eventually(lambda: len(engine.at(b"/%d" % size)) == 1)
            await asyncio.sleep(0.2)
            assert await sidecar.stop() == 0
            assert (await sidecar.event("stopped"))["aborted"] == 1
            client.wire.read_on()
            with pytest.raises(BrokenOff) as broken:
                await client.answer()
            assert broken.value.ending == "reset"
