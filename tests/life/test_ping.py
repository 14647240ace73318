"""/ping tells the truth about the engine, soon, and is answered within 2 s whatever happens."""

import asyncio
import signal

import pytest

from tests.harness.behaviours import says
from tests.harness.engines import free_port
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import assert_try_again, get, once, ping, ping_becomes
from tests.life.health_engine import SILENCE, HealthEngine
from tests.life.mortal import MortalEngine

DOWN_WITHIN = 6.0
UP_WITHIN = 1.5
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def test_an_engine_that_never_starts() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with SidecarProcess(url) as sidecar:
        for _ in range(3):
            assert_try_again(await ping(sidecar), url)
            assert_try_again(await once(sidecar.port, get(b"/x")), url, "SIDECAR_ENGINE_URL")
        assert (await once(sidecar.admin_port, get(b"/readyz"))).status == 503
        assert (await once(sidecar.admin_port, get(b"/livez"))).status == 200
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


async def test_an_engine_that_starts_late() -> None:
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        assert_try_again(await ping(sidecar), engine.url)
        await engine.start()
        await ping_becomes(sidecar, 200, UP_WITHIN)
        assert (await once(sidecar.admin_port, get(b"/readyz"))).status == 200


async def test_an_engine_that_is_killed_and_comes_back() -> None:
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        for _ in range(2):
            await engine.start()
            await ping_becomes(sidecar, 200, UP_WITHIN)
            await engine.kill()
            await ping_becomes(sidecar, 503, DOWN_WITHIN)
            assert_try_again(await ping(sidecar), engine.url)


async def test_a_request_that_finds_the_engine_gone_is_as_good_as_a_probe() -> None:
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await engine.start()
        await ping_becomes(sidecar, 200, UP_WITHIN)
        await engine.kill()
        assert (await once(sidecar.port, get(b"/x"))).status in (502, 503)
        await ping_becomes(sidecar, 503, 0.5)


async def stop_and_continue_a_process() -> None:
    """Its port still takes connections: the kernel does that."""
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await engine.start()
        await ping_becomes(sidecar, 200, UP_WITHIN)
        engine.signal(signal.SIGSTOP)
        await ping_becomes(sidecar, 503, DOWN_WITHIN)
        engine.signal(signal.SIGCONT)
        await ping_becomes(sidecar, 200, UP_WITHIN)


async def take_questions_and_never_answer() -> None:
    async with HealthEngine({"/ping": 200}) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, UP_WITHIN)
        engine.health["/ping"] = SILENCE
        await ping_becomes(sidecar, 503, DOWN_WITHIN)
        engine.health["/ping"] = 200
        await ping_becomes(sidecar, 200, 2 + UP_WITHIN)  # first it gives up its last question


async def test_engines_that_hang() -> None:
    """Side by side, since each takes its six seconds."""
    await asyncio.gather(stop_and_continue_a_process(), take_questions_and_never_answer())


async def test_one_answer_that_takes_too_long_is_an_engine_at_work() -> None:
    async with HealthEngine({"/ping": 200}) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, UP_WITHIN)
        asked = len(engine.asked)
        engine.health["/ping"] = SILENCE
        assert await eventually(lambda: len(engine.asked) > asked)
        engine.health["/ping"] = 200
        while len(engine.asked) < asked + 2:
            assert (await ping(sidecar)).status == 200
            await asyncio.sleep(0.05)


async def test_an_engine_that_never_answered_yet_is_not_ready() -> None:
    """And it is not asked in other ways: it will answer when it can."""
    health = {"/ping": SILENCE, "/health": 200}
    async with HealthEngine(health) as engine, SidecarProcess(engine.url) as sidecar:
        while len(engine.asked) < 2:
            assert_try_again(await ping(sidecar), engine.url)
            await asyncio.sleep(0.05)
        assert engine.asked == ["GET /ping", "GET /ping"]


@pytest.mark.parametrize("status", [500, 503])
async def test_an_engine_that_says_it_is_not_well(status: int) -> None:
    async with HealthEngine({"/ping": status}) as engine, SidecarProcess(engine.url) as sidecar:
        assert await eventually(lambda: len(engine.asked) > 1)
        assert_try_again(await ping(sidecar), engine.url)
        engine.health["/ping"] = 200
        await ping_becomes(sidecar, 200, UP_WITHIN)
        engine.health["/ping"] = status
        await ping_becomes(sidecar, 503, DOWN_WITHIN)


async def test_ping_under_load() -> None:
    hold = says(b"", then="hold")
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        engine.on(b"/slow", hold)
        await ping_becomes(sidecar, 200, UP_WITHIN)
        crowd = [await RawClient.connect(sidecar.port) for _ in range(200)]
        for client in crowd:
            await client.send(get(b"/slow"))
        assert await eventually(lambda: len(engine.at(b"/slow")) == len(crowd))
        for _ in range(20):
            assert (await ping(sidecar)).status == 200
        for client in crowd:
            await client.wire.close()


async def test_head_ping_has_the_same_head_and_no_body() -> None:
    async with HealthEngine({"/ping": 500}) as engine, SidecarProcess(engine.url) as sidecar:
        for status, health in ((503, 500), (200, 200)):
            engine.health["/ping"] = health
            await ping_becomes(sidecar, status, DOWN_WITHIN)
            async with await RawClient.connect(sidecar.port) as client:
                seen = await client.ask(get(b"/ping"))
                head = await client.ask(b"HEAD /ping HTTP/1.1\r\nHost: t\r\n\r\n")
                assert head.status == seen.status == status
                assert head.values(b"Content-Length") == seen.values(b"Content-Length")
                assert (await client.ask(get(b"/ping"))).body == seen.body


async def test_other_methods_of_ping_are_the_engines() -> None:
    async with RecordingEngine(says(OK)) as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, UP_WITHIN)
        answer = await once(
            sidecar.port, b"POST /ping HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"
        )
        assert answer.body == b"hi"
        assert engine.at(b"/ping")[0].body == b"hi"


async def test_an_engine_that_dies_during_streams() -> None:
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await engine.start()
        await ping_becomes(sidecar, 200, UP_WITHIN)
        clients = [await RawClient.connect(sidecar.port) for _ in range(20)]
        for client in clients:
            await client.send(get(b"/stream"))
        heads = [await client.head() for client in clients]
        await engine.kill()
        for client, head in zip(clients, heads, strict=True):
            with pytest.raises(BrokenOff) as broken:
                async for _ in client.body(head):
                    pass
            assert broken.value.ending == "reset"
            await client.wire.close()
        await ping_becomes(sidecar, 503, DOWN_WITHIN)
        for _ in range(10):
            assert_try_again(await once(sidecar.port, get(b"/x")), engine.url)
        await engine.start()
        await ping_becomes(sidecar, 200, UP_WITHIN)
        assert (await once(sidecar.port, get(b"/x"))).status == 200
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""
