"""The sidecar as its users run it: a process of its own, on free ports, with a log to read."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_LIMIT = 20.0
STOP_LIMIT = 40.0


class SidecarProcess:
    """`async with SidecarProcess(engine_url, SIDECAR_SESSIONS_TTL="5") as sidecar: ...`

    Attributes once started: `port`, `admin_port`, `url`, `admin_url`, `log` (parsed lines of
    stdout), `process`. Variables given win over the defaults below; a value of None removes one.
    """

    def __init__(
        self,
        engine_url: str,
        *,
        prefix: tuple[str, ...] = (),
        arguments: tuple[str, ...] = ("serve",),
        **variables: str | None,
    ) -> None:
        self._command = (*prefix, sys.executable, "-m", "sidecar", *arguments)
        self._scratch = tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm")
        self.sessions_path = Path(self._scratch.name) / "sessions"
        defaults: dict[str, str | None] = {
            "SIDECAR_ENGINE_URL": engine_url,
            "SIDECAR_HOST": "127.0.0.1",
            "SIDECAR_PORT": "0",
            "SIDECAR_ADMIN_PORT": "0",
            "SIDECAR_SESSIONS_PATH": str(self.sessions_path),
            "SIDECAR_LAME_DUCK_SECONDS": "0",
        }
        self._environment = _environment(defaults | variables)
        self.log: list[dict[str, Any]] = []
        self.errors = ""
        self.port = 0
        self.admin_port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def pid(self) -> int:
        """The sidecar's own process id; not with a prefix, which is then the parent."""
        return self.process.pid

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()
        self._scratch.cleanup()

    async def start(self) -> None:
        """Start (again, on the same sessions directory) and wait until both ports listen."""
        self.log, self.errors = [], ""
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=2**20,
        )
        self._listening = asyncio.Event()
        self._readers = asyncio.gather(self._read_log(), self._read_errors())
        ends = [asyncio.create_task(each.wait()) for each in (self.process, self._listening)]
        try:
            await asyncio.wait(ends, timeout=START_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            if not self._listening.is_set():
                await self._end()
        if not self._listening.is_set():
            raise RuntimeError(f"the sidecar did not start: {self.errors}\n{self.log}")

    async def wait(self) -> int:
        """The exit code, once the process has ended by itself or by a signal."""
        code = await asyncio.wait_for(self.process.wait(), STOP_LIMIT)
        await self._readers
        return code

    async def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await self.wait()

    async def event(self, name: str, limit: float = 10.0) -> dict[str, Any]:
        """The first log line of that event, waited for."""
        async with asyncio.timeout(limit):
            while True:
                for line in self.log:
                    if line.get("event") == name:
                        return line
                await asyncio.sleep(0.02)

    async def _end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.wait()

    async def _read_log(self) -> None:
        assert self.process.stdout is not None
        ports = {"data": "port", "admin": "admin_port"}
        wanted = 1 if self._environment["SIDECAR_ADMIN_PORT"] == "off" else 2
        async for raw in self.process.stdout:
            line = json.loads(raw)
            self.log.append(line)
            if line.get("event") == "listening":
                setattr(self, ports[line["listener"]], int(line["address"].rpartition(":")[2]))
                wanted -= 1
                if not wanted:
                    self._listening.set()

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = (await self.process.stderr.read()).decode(errors="replace")


def _environment(variables: Mapping[str, str | None]) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIDECAR_", "SAGEMAKER_"))
    }
    # The whole suite can be run on the aiohttp lane alone: SIDECAR_EXPRESS=off make test.
    if "SIDECAR_EXPRESS" in os.environ:
        inherited["SIDECAR_EXPRESS"] = os.environ["SIDECAR_EXPRESS"]
    return inherited | {name: value for name, value in variables.items() if value is not None}
