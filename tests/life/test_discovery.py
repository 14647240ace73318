"""Which question shows that the engine is ready: the first of the known ones that it answers."""

import asyncio
import socket
from collections import Counter

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.life.asking import assert_try_again, get, once, ping, ping_becomes
from tests.life.health_engine import HealthEngine

WITHIN = 1.5
READY = "/v2/health/ready"

# health by path -> whether the engine is ready, the questions of the first round
CASES = {
    "the first": ({"/ping": 200, "/health": 500}, 200, ["/ping"]),
    "204 is 2xx": ({"/ping": 204}, 200, ["/ping"]),
    "the second": ({"/health": 200}, 200, ["/ping", "/health"]),
    "the third": ({READY: 200}, 200, ["/ping", "/health", READY]),
    "401": ({"/ping": 401, "/health": 200}, 200, ["/ping", "/health"]),
    "403": ({"/ping": 403, "/health": 200}, 200, ["/ping", "/health"]),
    "405": ({"/ping": 405, "/health": 200}, 200, ["/ping", "/health"]),
    "all locked": ({"/ping": 401, "/health": 401, READY: 401}, 200, ["/ping", "/health", READY]),
    "no health path": ({}, 200, ["/ping", "/health", READY]),
    "500 ends the search": ({"/ping": 500, "/health": 200}, 503, ["/ping"]),
    "503 at the third": ({READY: 503}, 503, ["/ping", "/health", READY]),
}


@pytest.mark.parametrize("name", CASES)
async def test_discovery(name: str) -> None:
    health, status, asked = CASES[name]
    async with HealthEngine(health) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, status, WITHIN)
        if status == 503:  # the search begins anew
            assert await eventually(lambda: len(engine.asked) > len(asked))
            assert (await ping(sidecar)).status == 503
            asked = [*asked, "/ping"]
        assert engine.asked[: len(asked)] == [f"GET {path}" for path in asked]


async def test_the_path_that_answered_is_kept() -> None:
    async with HealthEngine({"/health": 200}) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, WITHIN)
        assert await eventually(lambda: len(engine.asked) == 3)
        assert engine.asked[1:] == ["GET /health"] * 2


async def test_another_engine_at_the_same_address_is_searched_anew() -> None:
    async with HealthEngine({"/ping": 200}) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, WITHIN)
        engine.health = {"/health": 200}
        assert await eventually(lambda: "GET /health" in engine.asked)
        engine.health = {"/health": 500, "/ping": 200}
        await ping_becomes(sidecar, 503, 6)


async def test_a_configured_path_is_the_only_one() -> None:
    async with (
        HealthEngine({"/ping": 200, "/up": 404}) as engine,
        SidecarProcess(engine.url, SIDECAR_ENGINE_HEALTH_PATH="/up") as sidecar,
    ):
        assert await eventually(lambda: len(engine.asked) > 1)
        assert_try_again(await ping(sidecar))
        engine.health["/up"] = 200
        await ping_becomes(sidecar, 200, WITHIN)
        engine.health["/up"] = 404
        await ping_becomes(sidecar, 503, 6)
        assert set(engine.asked) == {"GET /up"}


@pytest.mark.parametrize("greeting", [b"", b"220 mail\r\n"], ids=["silent", "mail"])
async def test_something_that_hangs_up_at_once_is_not_ready(greeting: bytes) -> None:
    """Its end can come before the question is written; that is the engine's fault, not ours."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async def ask(port: int) -> Counter[int]:
        return Counter([(await once(port, get(b"/x"))).status for _ in range(100)])

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, SidecarProcess(f"http://127.0.0.1:{port}") as sidecar:
        assert_try_again(await ping(sidecar))
        statuses = await asyncio.gather(*(ask(sidecar.port) for _ in range(8)))
        assert sum(statuses, Counter()) == {502: 800}
        assert_try_again(await ping(sidecar))
        server.close()
        await server.wait_closed()
        async with HealthEngine({"/ping": 200}, port) as engine:
            await ping_becomes(sidecar, 200, WITHIN)
            assert engine.asked
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


async def test_an_engine_whose_backlog_is_full_is_not_waited_for() -> None:
    """Its kernel drops what would connect: not even a refusal comes back."""
    with socket.socket() as engine, socket.socket() as filler:
        engine.bind(("127.0.0.1", 0))
        engine.listen(0)
        filler.connect(engine.getsockname())
        async with SidecarProcess(f"http://127.0.0.1:{engine.getsockname()[1]}") as sidecar:
            for _ in range(30):
                assert_try_again(await ping(sidecar))
                await asyncio.sleep(0.05)
