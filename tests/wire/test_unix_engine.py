"""An engine on a Unix socket: the same requests, the same answers, the same care."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.harness.process import SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"


async def answer(request: web.Request) -> web.StreamResponse:
    if request.path == "/stream":
        stream = web.StreamResponse()
        await stream.prepare(request)
        for number in range(3):
            await stream.write(b"data: %d\n\n" % number)
        return stream
    seen = {"session": request.headers.get(SESSION), "host": request.host}
    return web.json_response(seen | {"body": await request.text()})


async def serving(path: Path) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    return runner


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def socket_path() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        path = Path(scratch) / "engine.sock"
        runner = await serving(path)
        yield path
        await runner.cleanup()


@pytest.mark.parametrize("express", ["on", "off"])
async def test_sessions_and_streams(socket_path: Path, express: str) -> None:
    async with (
        SidecarProcess(f"unix:{socket_path}", SIDECAR_EXPRESS=express) as sidecar,
        aiohttp.ClientSession(sidecar.url) as client,
    ):
        async with client.get("/ping") as pong:
            assert pong.status == 200
        async with client.post("/invocations", json={"requestType": "NEW_SESSION"}) as opened:
            session = opened.headers[NEW_SESSION].partition(";")[0]
        for text in ("one", "two"):
            async with client.post("/any", data=text, headers={SESSION: session}) as used:
                seen = await used.json()
                assert (used.status, seen["session"], seen["body"]) == (200, session, text)
        async with client.get("/stream") as stream:
            assert await stream.read() == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
        assert await sidecar.stop() == 0


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    async with (
        SidecarProcess(f"unix:{tmp_path}/none.sock") as sidecar,
        aiohttp.ClientSession(sidecar.url) as client,
        client.post("/any", data=b"x") as refused,
    ):
        assert refused.status == 503
        assert f"unix:{tmp_path}/none.sock" in (await refused.json())["detail"]


async def test_an_engine_that_goes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    runner = await serving(path)
    async with (
        SidecarProcess(f"unix:{path}") as sidecar,
        aiohttp.ClientSession(sidecar.url) as client,
    ):

        async def ask() -> tuple[int, str]:
            async with client.post("/any", data=b"x") as answer:
                return answer.status, await answer.text()

        assert (await ask())[0] == 200
        await runner.cleanup()
        path.unlink(missing_ok=True)
        for _ in range(3):
            status, text = await ask()
            assert status in (502, 503)
            assert str(path) in text
        runner = await serving(path)
        assert (await ask())[0] == 200
    await runner.cleanup()
