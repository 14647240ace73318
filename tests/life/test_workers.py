"""Several workers on one port: one set of sessions, restarts, and a drain of all."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually

SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"
WORKERS = 3


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[RecordingEngine]:
    async with RecordingEngine() as engine:
        yield engine


@pytest_asyncio.fixture
async def sidecar(engine: RecordingEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(engine.url, SIDECAR_WORKERS=str(WORKERS)) as sidecar:
        yield sidecar


def children(sidecar: SidecarProcess) -> set[int]:
    text = Path(f"/proc/{sidecar.pid}/task/{sidecar.pid}/children").read_text()
    return set(map(int, text.split()))


async def post(url: str, body: object, session: str | None = None) -> aiohttp.ClientResponse:
    """On a connection of its own, so that any worker may get it."""
    headers = {} if session is None else {SESSION: session}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{url}/invocations", json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer


async def open_session(url: str) -> str:
    answer = await post(url, {"requestType": "NEW_SESSION"})
    return answer.headers[NEW_SESSION].partition(";")[0]


async def test_every_worker_sees_every_session(sidecar: SidecarProcess) -> None:
    assert len(children(sidecar)) == WORKERS
    sessions = [await open_session(sidecar.url) for _ in range(8)]
    for session in sessions:
        statuses = [(await post(sidecar.url, {}, session)).status for _ in range(6)]
        assert statuses == [200] * 6
        assert (await post(sidecar.url, {"requestType": "CLOSE"}, session)).status == 200
        statuses = [(await post(sidecar.url, {}, session)).status for _ in range(6)]
        assert statuses == [400] * 6
    assert await sidecar.stop() == 0


async def test_a_crashed_worker_is_started_again_and_sessions_live_on(
    sidecar: SidecarProcess,
) -> None:
    session, before = await open_session(sidecar.url), children(sidecar)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    assert await eventually(
        lambda: len(children(sidecar)) == WORKERS and victim not in children(sidecar)
    )
    assert before - {victim} <= children(sidecar)
    assert await eventually(lambda: any("started again" in str(line) for line in sidecar.log))
    statuses = [(await post(sidecar.url, {}, session)).status for _ in range(20)]
    assert statuses == [200] * 20
    assert await sidecar.stop() == 0


async def test_a_stop_drains_all_workers(sidecar: SidecarProcess, engine: RecordingEngine) -> None:
    go_on = asyncio.Event()

    async def stream(exchange: Exchange) -> None:
        await exchange.read_body()
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await go_on.wait()
        await exchange.send(b"1\r\nb\r\n0\r\n\r\n")

    engine.on(b"/stream", stream)

    async def read() -> bytes:
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{sidecar.url}/stream", data=b"x") as answer,
        ):
            return await answer.read()

    streams = [asyncio.create_task(read()) for _ in range(12)]
    assert await eventually(lambda: len(engine.records) == 12)
    sidecar.process.terminate()
    await asyncio.sleep(0.5)
    assert sidecar.process.returncode is None
    go_on.set()
    assert await asyncio.gather(*streams) == [b"ab"] * 12
    assert await sidecar.wait() == 0


async def test_workers_do_not_outlive_who_started_them(sidecar: SidecarProcess) -> None:
    pids = children(sidecar)
    sidecar.process.kill()
    await sidecar.wait()
    assert await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


async def test_a_port_that_is_taken(sidecar: SidecarProcess, engine: RecordingEngine) -> None:
    """By another sidecar with workers, which the kernel alone would let us join."""
    port = str(sidecar.port)
    second = SidecarProcess(engine.url, SIDECAR_WORKERS="2", SIDECAR_PORT=port)
    try:
        with pytest.raises(RuntimeError, match="SIDECAR_PORT: Address already in use"):
            await second.start()
    finally:
        second._scratch.cleanup()


async def metric(sidecar: SidecarProcess, name: str) -> float:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{sidecar.admin_url}/metrics") as answer,
    ):
        assert answer.status == 200
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


async def test_the_admin_port_adds_up_what_all_have_counted(sidecar: SidecarProcess) -> None:
    sessions = [await open_session(sidecar.url) for _ in range(5)]
    for session in sessions * 4:
        assert (await post(sidecar.url, {}, session)).status == 200
    used = 'sidecar_requests_total{code="2xx",intent="use"}'
    assert await metric(sidecar, "sidecar_sessions_active") == 5
    assert await metric(sidecar, "sidecar_sessions_opened_total") == 5
    assert await metric(sidecar, used) == 20
    for session in sessions[:4]:
        assert (await post(sidecar.url, {"requestType": "CLOSE"}, session)).status == 200
    assert await metric(sidecar, "sidecar_session_age_seconds_count") == 4
    before = children(sidecar)
    os.kill(min(before), signal.SIGKILL)
    assert await eventually(lambda: len(children(sidecar) - before) == 1)
    assert await metric(sidecar, used) == 20
    assert await metric(sidecar, "sidecar_session_age_seconds_count") == 4
