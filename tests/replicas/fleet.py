"""Several engines that can be killed, as processes, and what their sidecar is asked."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.harness.process import SidecarProcess
from tests.life.mortal import MortalEngine

SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"
REPLICA = "X-Session-Replica"
REPINNED = "X-Session-Repinned"


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def replica(self) -> str:
        return self.headers.get(REPLICA, "")


class Fleet:
    """`async with Fleet(3) as fleet:`; all of them run."""

    def __init__(self, count: int) -> None:
        self.engines = [MortalEngine() for _ in range(count)]
        self.names = [f"127.0.0.1:{engine.port}" for engine in self.engines]
        self.url = ",".join(engine.url for engine in self.engines)

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(engine.start() for engine in self.engines))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with AsyncExitStack() as stack:
            for engine in self.engines:
                stack.push_async_exit(engine)

    def named(self, name: str) -> MortalEngine:
        return self.engines[self.names.index(name)]

    def delivered(self) -> Counter[str]:
        """What was posted, over all engines, and how often."""
        found: Counter[str] = Counter()
        for engine in self.engines:
            with suppress(FileNotFoundError):  # it got none
                found.update(engine.deliveries())
        return found


class Caller:
    """Each request on a connection of its own, so that any process of the sidecar may get it."""

    def __init__(self, sidecar: SidecarProcess) -> None:
        self.sidecar = sidecar

    async def post(self, text: str, session: str | None = None, path: str = "/x") -> Said:
        headers = {"Content-Type": "application/json"}
        if session is not None:
            headers[SESSION] = session
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.sidecar.url + path, data=text, headers=headers) as answer,
        ):
            return Said(answer.status, dict(answer.headers), await answer.text())

    async def open(self) -> tuple[str, str]:
        """A session, and the replica that it was placed on."""
        said = await self.post('{"requestType": "NEW_SESSION"}', path="/invocations")
        assert said.status == 200, said
        return said.headers[NEW_SESSION].partition(";")[0], said.replica

    async def open_many(self, count: int) -> dict[str, str]:
        return dict([await self.open() for _ in range(count)])

    async def close(self, session: str) -> int:
        return (await self.post('{"requestType": "CLOSE"}', session, "/invocations")).status

    async def until(self, status: int, session: str, within: float = 10.0) -> Said:
        async with asyncio.timeout(within):
            said = await self.post("again", session)
            while said.status != status:
                await asyncio.sleep(0.05)
                said = await self.post("again", session)
        return said

    async def admin(self, path: str) -> Any:
        async with (
            aiohttp.ClientSession() as client,
            client.get(self.sidecar.admin_url + path) as answer,
        ):
            return await answer.json()

    async def replicas(self) -> dict[str, dict[str, Any]]:
        """What the admin port says of each, by name."""
        found = await self.admin("/replicas")
        return {each["address"].removeprefix("http://"): each for each in found["replicas"]}

    async def see(
        self, as_expected: Callable[[dict[str, dict[str, Any]]], bool], within: float = 5.0
    ) -> None:
        """Wait until the admin port says so of the replicas."""
        async with asyncio.timeout(within):
            found = await self.replicas()
            while not as_expected(found):
                await asyncio.sleep(0.02)
                found = await self.replicas()

    async def all_ready(self) -> None:
        await self.see(lambda found: all(each["ready"] for each in found.values()))

    async def see_lost(self, session: str, within: float = 5.0) -> None:
        """Wait until the session is marked."""
        async with asyncio.timeout(within):
            found = await self.admin(f"/sessions/{session}")
            while "replica_lost" not in found["state"]:
                await asyncio.sleep(0.02)
                found = await self.admin(f"/sessions/{session}")
