"""An answer that is done for the sidecar, and not yet for the one who reads it."""

import asyncio
import signal

from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import get

# What a transport may hold back while its writer is not told to wait: 64 KiB in uvloop.
HELD_BACK = 65536


class Crates:
    """Answers as large as their path says."""

    def __init__(self, sidecar: SidecarProcess) -> None:
        self._sidecar = sidecar

    async def ask(self, size: int) -> RawClient:
        """A client that has asked for so much, and reads nothing yet."""
        client = await RawClient.connect(self._sidecar.port, reading=False, receive_buffer=4096)
        await client.send(get(b"/%d" % size))
        return client

    async def is_done(self, size: int) -> bool:
        """Whether the request is done, for the sidecar, before anything is read."""
        client = await self.ask(size)
        try:
            return await eventually(lambda: self._logged(size), 0.3)
        finally:
            await client.wire.close()

    def _logged(self, size: int) -> bool:
        return any(line.get("path") == f"/{size}" for line in self._sidecar.log)


async def send_crate(exchange: Exchange) -> None:
    await exchange.reply(bytes(int(exchange.record.target[1:])))


async def test_a_slow_reader_gets_the_whole_answer() -> None:
    """The size is such that the kernel's buffers are full and the rest is in the process."""
    async with RecordingEngine(send_crate) as engine, SidecarProcess(engine.url) as sidecar:
        crates, done, too_much = Crates(sidecar), 0, 16 * MIB
        while too_much - done > HELD_BACK // 4:
            size = (done + too_much) // 2
            done, too_much = (size, too_much) if await crates.is_done(size) else (done, size)
        size = done - HELD_BACK // 2
        client = await crates.ask(size)
        await asyncio.sleep(0.2)
        sidecar.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        assert sidecar.process.returncode is None
        client.wire.read_on()
        assert (await client.answer()).body == bytes(size)
        await client.wire.close()
        assert await sidecar.wait() == 0
        assert (await sidecar.event("stopped"))["aborted"] == 0
