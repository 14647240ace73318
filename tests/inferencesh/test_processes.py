"""Several processes that share a store: workers on one port, sidecars on one Redis."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.harness.waiting import eventually
from tests.inferencesh.caller import calling
from tests.inferencesh.stage import sidecar
from tests.inferencesh.worker import Worker
from tests.sessions.redis_server import RedisServer


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


async def test_whichever_worker_is_asked(worker: Worker) -> None:
    """Each request is on a new connection, so half of them meet the process without the task."""
    async with sidecar(worker.url, SIDECAR_WORKERS="2") as process, calling(process.url) as caller:
        session = (await caller.run({"a": 1}, "new"))["session_id"]
        done = await asyncio.gather(*(caller.run({"number": n}, session) for n in range(10)))
        assert [each["output"]["given"]["number"] for each in done] == list(range(10))
        assert worker.busiest == 1
        for _ in range(8):
            task = await caller.accept({"sleep": 30}, session)
            assert await eventually(lambda: worker.inputs[-1] == {"sleep": 30})
            status, answer = await caller.ask("POST", f"/tasks/{task['id']}/cancel")
            assert (status, answer["data"]["status"]) == (200, 8)
            assert (await caller.lines(task["id"]))[-1]["status"] == 12
            worker.inputs.append("done")
        assert (await caller.run({"size": 3_000_000}))["output"]["bytes"] == "x" * 3_000_000


async def test_the_order_of_arrival_holds_over_all_workers(worker: Worker) -> None:
    """Also behind one that was cancelled while it waited."""
    async with sidecar(worker.url, SIDECAR_WORKERS="3") as process, calling(process.url) as caller:
        session = (await caller.run({"sleep": 0}, "new"))["session_id"]
        await caller.accept({"sleep": 1.5}, session)
        tasks = [await caller.accept({"number": number}, session) for number in range(12)]
        await caller.ask("POST", f"/tasks/{tasks[3]['id']}/cancel")
        ends = [(await caller.lines(task["id"]))[-1]["status"] for task in tasks]
    assert ends == [12 if number == 3 else 10 for number in range(12)]
    arrived = [given["number"] for given in worker.inputs if "number" in given]
    assert arrived == [number for number in range(12) if number != 3]
    assert worker.busiest == 1


async def test_two_sidecars_on_one_redis(worker: Worker, redis: RedisServer) -> None:
    variables = {"SIDECAR_STORE": redis.url}
    async with (
        sidecar(worker.url, **variables) as first,
        sidecar(worker.url, **variables) as second,
        calling(first.url) as here,
        calling(second.url) as there,
    ):
        task = await here.accept({"a": 1, "sleep": 0.3}, "new")
        lines = await there.lines(task["id"])
        assert (lines[-1]["status"], lines[-1]["output"]["given"]["a"]) == (10, 1)
        session = task["session_id"]
        again = await there.run({"size": 3_000_000}, session)
        assert len(again["output"]["bytes"]) == 3_000_000
        accepted = [
            await each.accept({"number": number}, session)
            for number, each in enumerate([here, there, there, here] * 2)
        ]
        for each in accepted:
            assert (await there.lines(each["id"]))[-1]["status"] == 10
        assert [each["number"] for each in worker.inputs if "number" in each] == [*range(8)]
        assert worker.busiest == 1
        running = await here.accept({"sleep": 30}, session)
        assert await eventually(lambda: worker.inputs[-1] == {"sleep": 30})
        await there.ask("POST", f"/tasks/{running['id']}/cancel")
        assert (await there.lines(running["id"]))[-1]["status"] == 12
        assert await there.ask("DELETE", f"/sessions/{session}") == (204, None)
        status, answer = await here.ask("GET", f"/sessions/{session}")
        assert (status, answer["title"]) == (410, "SESSION_ENDED")
