"""The mortal engine seen from a test: start it, kill it, stop the whole process, start it again."""

import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.engines import free_port
from tests.life.asking import takes_connections


class MortalEngine:
    """Not running until `start`; the port and the deliveries stay the same over its lives."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._scratch = tempfile.TemporaryDirectory()
        self._deliveries = Path(self._scratch.name) / "deliveries"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()
        self._scratch.cleanup()

    async def start(self) -> None:
        """Return once it accepts connections."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.life.mortal_engine",
            str(self.port),
            str(self._deliveries),
            cwd=Path(__file__).parents[2],
        )
        while not takes_connections(self.port):
            assert self._process.returncode is None
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def deliveries(self) -> list[str]:
        return self._deliveries.read_text().split()
