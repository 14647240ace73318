"""POST /drain ends the sidecar as the first SIGTERM does: what runs is finished first."""

import asyncio
import json

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.life.asking import get, once, ping, ping_becomes


async def drain(sidecar: SidecarProcess, more: str = "") -> Answer:
    head = f"POST /drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{more}\r\n"
    return await once(sidecar.admin_port, head.encode())


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_what_runs_is_finished_first(workers: str) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(
            engine.url, SIDECAR_WORKERS=workers, SIDECAR_LAME_DUCK_SECONDS="0.3"
        ) as sidecar,
    ):
        begun, finish = asyncio.Event(), asyncio.Event()

        async def slow(exchange: Exchange) -> None:
            await exchange.read_body()
            begun.set()
            await finish.wait()
            await exchange.reply(b"whole")

        engine.on(b"/slow", slow)
        await ping_becomes(sidecar, 200, 10)
        async with await RawClient.connect(sidecar.port) as client:
            await client.send(get(b"/slow"))
            await asyncio.wait_for(begun.wait(), 10)
            for _ in range(2):  # the second one must not hurry the first
                answer = await drain(sidecar)
                assert (answer.status, json.loads(answer.body)) == (202, {"draining": True})
            await sidecar.event("draining")
            assert (await once(sidecar.admin_port, get(b"/readyz"))).status == 503
            finish.set()
            assert (await client.answer(b"GET")).body == b"whole"
        assert await sidecar.wait() == 0
    assert [line["aborted"] for line in sidecar.log if line["event"] == "stopped"] == [0] * int(
        workers
    )


ELSEWHERE = (
    "Origin: https://evil.example\r\n",
    "Origin: null\r\n",
    "Origin: http://[\r\n",
    "Sec-Fetch-Site: cross-site\r\n",
    "Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n",
)


async def test_no_page_of_another_site_ends_it() -> None:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, 10)
        for more in ELSEWHERE:
            assert (await drain(sidecar, more)).status == 403, more
        looked = await once(sidecar.admin_port, b"GET /drain HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        assert looked.status == 405
        assert (await ping(sidecar)).status == 200
        assert not [line for line in sidecar.log if line["event"] == "draining"]
