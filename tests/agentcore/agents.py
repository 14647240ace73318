"""Agents of the real SDK, each a process of its own among the clients' packages."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.agentcore import install

ROOT = Path(__file__).parents[2]
AGENT = "tests/agentcore/clients/agent.py"
START_LIMIT = 60.0


class Agent:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    async def seen(self, what: str, name: str = "") -> int:
        """How many turns of that name were begun, or have ended; overlaps: at once."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/seen") as answer:
            counts: dict[str, int] = (await answer.json())[what]
        return counts.get(name, 0)

    async def until(self, what: str, name: str, count: int = 1, limit: float = 20.0) -> None:
        await until(lambda: self._reached(what, name, count), limit)

    async def _reached(self, what: str, name: str, count: int) -> bool:
        return await self.seen(what, name) >= count


async def until(condition: Callable[[], Awaitable[bool]], limit: float = 20.0) -> None:
    """Fails the test that waits too long."""
    clock = asyncio.get_running_loop().time
    end = clock() + limit
    while not await condition():
        assert clock() < end
        await asyncio.sleep(0.05)


@asynccontextmanager
async def agent(program: str = AGENT, **variables: str) -> AsyncIterator[Agent]:
    install.require("python")
    process = await asyncio.create_subprocess_exec(
        str(install.python()),
        "-m",
        "tests.agentcore.clients.serve",
        program,
        cwd=ROOT,
        env=_environment() | variables,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        port = await asyncio.wait_for(process.stdout.readline(), START_LIMIT)
        yield Agent(int(port))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _environment() -> dict[str, Any]:
    taken = ("AWS_", "SIDECAR_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(taken)}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}
