"""Tasks in one process and as another one finds them, with a clock that the test moves."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.dialects.inferencesh.errors import CallFailed, NoSuchTask
from sidecar.dialects.inferencesh.live import Live
from sidecar.dialects.inferencesh.records import KEPT
from sidecar.dialects.inferencesh.stream import stream
from sidecar.dialects.inferencesh.task import Status, Task
from sidecar.dialects.inferencesh.tasks import Tasks, Work, new_id
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock

OWNER = "a1"
PYTHON = {"user-agent": "inference-sdk-py/0.36.0"}
JAVASCRIPT = {"x-client-source": "inference-sdk-js/0.5.13"}


@dataclass
class Stage:
    clock: MovedClock
    path: Path
    stores: list[TmpfsStore]

    def tasks(self) -> Tasks:
        """Of one more process."""
        store = TmpfsStore(Root(self.path), clock=self.clock, ttl_limit=1e9)
        self.stores.append(store)
        return Tasks(store)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        made = Stage(MovedClock(), Path(path) / "tasks", [])
        yield made
        for store in made.stores:
            await store.stop()


async def begin(tasks: Tasks, work: Work, given: Any = None) -> Live:
    """`work`, at its first step. It must suspend: a task that is over is no longer live."""
    task = Task(new_id(), "my-app", "", "run", given)
    await tasks.accept(task, OWNER, work)
    live = tasks.live(task.id, OWNER)
    assert live is not None
    return live


async def ended(live: Live) -> None:
    assert live.runner is not None
    await live.runner


async def answer(_: Live) -> Any:
    await asyncio.sleep(0)
    return {"a": 1}


async def for_ever(_: Live) -> Any:
    await asyncio.Event().wait()


async def lines(
    tasks: Tasks, task_id: str, headers: Mapping[str, str], every: float = 5
) -> list[dict[str, Any]]:
    task = await tasks.find(task_id, OWNER)
    pieces = stream(tasks, task, OWNER, headers, every=every).pieces
    return [json.loads(piece) async for piece in pieces]


async def test_another_process_reads_it_until_its_time_is_over(stage: Stage) -> None:
    here, there = stage.tasks(), stage.tasks()
    live = await begin(here, answer, {"in": [1]})
    await ended(live)
    found = await there.find(live.task.id, OWNER)
    assert (found.status, found.output, found.input) == (10, {"a": 1}, {"in": [1]})
    assert found.whole() == (await here.find(live.task.id, OWNER)).whole()
    with pytest.raises(NoSuchTask):
        await there.find(live.task.id, "b2")
    stage.clock.advance(KEPT - 1)
    await there.find(live.task.id, OWNER)
    stage.clock.advance(2)
    for tasks in (here, there):
        with pytest.raises(NoSuchTask):
            await tasks.find(live.task.id, OWNER)


async def test_the_owner_counts_while_it_runs_too(stage: Stage) -> None:
    tasks = stage.tasks()
    live = await begin(tasks, for_ever)
    with pytest.raises(NoSuchTask):
        await tasks.find(live.task.id, "b2")
    with pytest.raises(NoSuchTask):
        await tasks.cancel(live.task.id, "b2")
    await tasks.stop()


async def test_another_process_can_cancel_it(stage: Stage) -> None:
    here, there = stage.tasks(), stage.tasks()
    live = await begin(here, for_ever)
    assert await there.cancel(live.task.id, OWNER) is Status.CANCELLING
    [*_, last] = await lines(there, live.task.id, {})
    assert last["status"] == 12
    assert await there.cancel(live.task.id, OWNER) is Status.CANCELLED


async def test_cancelled_twice_it_is_cleaned_up_once(stage: Stage) -> None:
    tasks, cleaned = stage.tasks(), []

    async def slow_end(_: Live) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(True)

    live = await begin(tasks, slow_end)
    for _ in range(3):
        await tasks.cancel(live.task.id, OWNER)
        await asyncio.sleep(0.01)
    await ended(live)
    assert cleaned == [True]
    assert (await tasks.find(live.task.id, OWNER)).status is Status.CANCELLED


async def test_a_task_whose_process_is_gone_has_failed(stage: Stage) -> None:
    here, there = stage.tasks(), stage.tasks()
    live = await begin(here, for_ever)
    assert (await there.find(live.task.id, OWNER)).status < Status.COMPLETED
    await here.stop()
    found = await there.find(live.task.id, OWNER)
    assert (found.status, found.error) == (
        Status.FAILED,
        "worker unreachable: the server was stopped before the task was done",
    )


async def test_a_fault_of_ours_is_a_failed_task(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def fault(_: Live) -> Any:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    tasks = stage.tasks()
    live = await begin(tasks, fault)
    await ended(live)
    assert (await tasks.find(live.task.id, OWNER)).error == "the server failed; its log says where"
    assert "a fault of the sidecar" in caplog.text


async def test_the_oldest_make_room(stage: Stage) -> None:
    """32 MiB of results are kept."""
    tasks = stage.tasks()

    async def large(_: Live) -> Any:
        await asyncio.sleep(0)
        return "x" * 9_000_000

    made = []
    for _ in range(4):
        made.append(await begin(tasks, large))
        await ended(made[-1])
    with pytest.raises(NoSuchTask):
        await tasks.find(made[0].task.id, OWNER)
    for live in made[1:]:
        assert len((await tasks.find(live.task.id, OWNER)).output) == 9_000_000


async def test_a_task_that_ends_while_a_line_is_being_sent(stage: Stage) -> None:
    """A slow client holds the stream at its first line; the last one comes all the same."""
    tasks, go = stage.tasks(), asyncio.Event()

    async def work(live: Live) -> Any:
        await tasks.enter(live, Status.RUNNING)
        await go.wait()
        live.say("word")
        return {"response": "word"}

    live = await begin(tasks, work)
    pieces = stream(tasks, live.task, OWNER, JAVASCRIPT, every=5).pieces
    first = json.loads(await anext(pieces))
    go.set()
    await ended(live)
    rest = [json.loads(piece) async for piece in pieces]
    assert first["status"] == 7
    assert rest[0]["data"] == {"delta": {"response": "word"}, "seq": 1}
    assert [each["status"] for each in rest[1:]] == [10]


@pytest.mark.parametrize("remote", [False, True])
async def test_real_lines_keep_a_long_task_alive(stage: Stage, remote: bool) -> None:
    here, there = stage.tasks(), stage.tasks()

    async def work(live: Live) -> Any:
        await here.enter(live, Status.RUNNING)
        await asyncio.sleep(1)

    live = await begin(here, work)
    await asyncio.sleep(0.01)
    told = await lines(there if remote else here, live.task.id, PYTHON, every=0.1)
    statuses = [line["status"] for line in told]
    assert statuses[-1] == 10
    assert statuses[:-1].count(7) == len(statuses) - 1 >= 3


LONG = {"bytes": "x" * 60_000}
GETS_THE_LINE = [
    ({"user-agent": "inference-sdk-py/0.36.0"}, False),
    ({"user-agent": "inference-sdk-py/0.7.37"}, False),
    ({"user-agent": "inference-sdk-py/0.6.34"}, True),
    ({"user-agent": "python-requests/2.32", "accept": "text/event-stream"}, True),
    (JAVASCRIPT, True),
    ({}, True),
]


@pytest.mark.parametrize(("headers", "gets_it"), GETS_THE_LINE)
async def test_a_long_last_line(stage: Stage, headers: dict[str, str], gets_it: bool) -> None:
    tasks = stage.tasks()

    async def large(_: Live) -> Any:
        await asyncio.sleep(0)
        return LONG

    live = await begin(tasks, large)
    await ended(live)
    task = await tasks.find(live.task.id, OWNER)
    pieces = [piece async for piece in stream(tasks, task, OWNER, headers).pieces]
    assert [len(piece) > 60_000 for piece in pieces] == ([True] if gets_it else [])


async def test_a_failure_has_its_text(stage: Stage) -> None:
    tasks = stage.tasks()

    async def fail(_: Live) -> Any:
        await asyncio.sleep(0)
        raise CallFailed("upstream answered HTTP 500: no")

    live = await begin(tasks, fail)
    assert tasks.running == 1
    [*_, last] = await lines(tasks, live.task.id, PYTHON)
    assert (last["status"], last["error"]) == (11, "upstream answered HTTP 500: no")
    assert tasks.running == 0


async def test_what_the_store_can_not_take_is_still_told_here(stage: Stage) -> None:
    """Somebody deletes the record of a task that runs: its process has the result."""
    tasks, go = stage.tasks(), asyncio.Event()

    async def work(_: Live) -> Any:
        await go.wait()
        return {"a": 1}

    live = await begin(tasks, work)
    await stage.stores[0].close(live.task.id)
    go.set()
    await ended(live)
    assert (await tasks.find(live.task.id, OWNER)).output == {"a": 1}
    [last] = await lines(tasks, live.task.id, PYTHON)
    assert (last["status"], last["output"]) == (10, {"a": 1})
