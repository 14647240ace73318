"""Three sidecars in front of one engine, which share their sessions on a real server."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.harness.process import SidecarProcess
from tests.harness.watch import Watch
from tests.sessions.redis_server import Kind, RedisServer

SESSION = "X-Amzn-SageMaker-Session-Id"
OPENED = "X-Amzn-SageMaker-New-Session-Id"


@dataclass
class Reply:
    status: int
    text: str
    seconds: float
    session: str
    """Of a session that was opened."""
    retry_after: str | None

    @property
    def seen(self) -> str | None:
        """The session that the engine was told."""
        return json.loads(self.text)["session"] if self.status == 200 else None


@dataclass
class Crew:
    sidecars: list[SidecarProcess]
    server: RedisServer
    engine: "Engine"
    client: aiohttp.ClientSession

    async def ask(
        self, which: int, body: object, session: str | None = None, owner: str = "me"
    ) -> Reply:
        headers = {"Authorization": owner} | ({SESSION: session} if session else {})
        url, watch = f"{self.sidecars[which].url}/invocations", Watch()
        async with self.client.post(url, json=body, headers=headers) as answer:
            text = await answer.text()
            opened = answer.headers.get(OPENED, "").partition(";")[0]
            took, later = watch.worked(), answer.headers.get("Retry-After")
            return Reply(answer.status, text, took, opened, later)

    async def open(self, which: int, owner: str = "me") -> Reply:
        return await self.ask(which, {"requestType": "NEW_SESSION"}, owner=owner)

    async def use(self, which: int, session: str, owner: str = "me") -> Reply:
        return await self.ask(which, {"prompt": "hello"}, session, owner)

    async def close(self, which: int, session: str, owner: str = "me") -> Reply:
        return await self.ask(which, {"requestType": "CLOSE"}, session, owner)

    async def until_sessions_work(self, limit: float) -> float:
        """Seconds until each sidecar opens a session again."""
        watch = Watch()
        async with asyncio.timeout(limit):
            for which in range(len(self.sidecars)):
                while (await self.open(which)).status != 200:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.05)
        return watch.worked()


class Engine:
    """Tells which session it was told, and whether two requests of one ever met in it."""

    def __init__(self) -> None:
        self._at_work: Counter[str] = Counter()
        self.met = 0

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        session = request.headers.get(SESSION)
        if session is not None:
            self._at_work[session] += 1
            self.met = max(self.met, self._at_work[session])
            await asyncio.sleep(0.005)
            self._at_work[session] -= 1
        return web.json_response({"session": session})


@asynccontextmanager
async def crew(
    directory: Path, sidecars: int = 3, kind: Kind = "redis", **variables: str
) -> AsyncIterator[Crew]:
    server = RedisServer(directory, kind=kind)
    server.start()
    async with AsyncExitStack() as stack:
        stack.callback(server.stop)
        engine = Engine()
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", engine.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings: dict[str, str | None] = {
            "SIDECAR_STORE": server.url,
            "SIDECAR_SESSION_OWNER_HEADER": "Authorization",
            **variables,
        }
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        processes = [SidecarProcess(url, **settings) for _ in range(sidecars)]  # type: ignore[arg-type]
        await asyncio.gather(*(stack.enter_async_context(each) for each in processes))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Crew(processes, server, engine, client)
        for each in processes:
            assert await each.stop() == 0
            assert each.errors == ""
