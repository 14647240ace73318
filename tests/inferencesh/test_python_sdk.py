"""inference.sh's Python SDK, unmodified, against the whole sidecar."""

import asyncio
from typing import Any

import pytest

from tests.harness.waiting import eventually
from tests.inferencesh.install import ERAS
from tests.inferencesh.stage import run_python, sidecar
from tests.inferencesh.worker import Worker


async def call(worker: Worker, scenario: str, *arguments: str, **variables: Any) -> Any:
    async with sidecar(worker.url, **variables) as process:
        return await run_python("calls", process.url, scenario, *arguments)


async def test_ten_gathered_calls_come_one_at_a_time_in_their_order(worker: Worker) -> None:
    assert await call(worker, "gathered") == list(range(10))
    arrived = [given["number"] for given in worker.inputs if "number" in given]
    assert arrived == list(range(10))
    assert worker.busiest == 1


async def test_two_sessions_run_at_once_on_two_replicas() -> None:
    async with Worker("one") as one, Worker("two") as two, sidecar(one.url, two.url) as process:
        assert sorted(await run_python("calls", process.url, "parallel")) == ["one", "two"]


async def test_a_result_of_3_megabytes(worker: Worker) -> None:
    assert await call(worker, "large", "3000000") == [[3_000_000, 10, "sess-"]] * 2


async def test_time_does_not_run_during_a_call(worker: Worker) -> None:
    told = await call(worker, "long", "3")
    assert told["took"] > 3
    assert (told["status"], told["alive"]) == (10, "active")


async def test_cancelling_stops_what_runs_and_what_waits(worker: Worker) -> None:
    told = await call(worker, "cancelled")
    assert told["statuses"] == [12, 10, 12]
    assert "RuntimeError: task cancelled" in told["stream"]
    assert told["before"] == [{"action": "init"}]
    assert worker.cut == 1
    assert {"action": "y"} not in worker.inputs


async def test_a_lost_worker_ends_its_sessions(worker: Worker) -> None:
    """One of two: the next session is on the other."""
    async with Worker("spare") as spare, sidecar(worker.url, spare.url) as process:
        program = asyncio.create_task(run_python("calls", process.url, "lost"))
        assert await eventually(lambda: {"sleep": 30} in worker.inputs + spare.inputs, 20)
        lost, other = (worker, spare) if {"sleep": 30} in worker.inputs else (spare, worker)
        await lost.crash()
        told = await program
    assert told["running"].startswith("RuntimeError: worker lost for session sess-")
    assert told["running"].endswith("session not found on any worker")
    assert told["later"].endswith("was ended: its worker was lost")
    assert told["anew"] == other.name


async def test_files_come_back_into_the_input(worker: Worker) -> None:
    told = await call(worker, "files")
    assert told["given"] == {
        "id": "0123456789abcdef0123456789abcdef",
        "word": "Internationalize",
        "url": "data:text/plain;base64,aGk=",
        "file": "data:text/plain;base64,aGVsbG8=",
        "nested": [{"text": "short"}],
    }
    assert "/files/file-" in told["shown"]["id"]


async def test_the_sessions_api(worker: Worker) -> None:
    told = await call(worker, "sessions")
    info = told["info"]
    assert told["called"]["given"] == {"data": 1}
    assert (info["id"], info["status"], info["call_count"]) == (told["id"], "active", 2)
    assert (info["app_id"], info["worker_id"]) == ("my-app", worker.url)
    assert (told["alive"], told["listed"], told["theirs"]) == ("active", [told["id"]], [])
    for each in told["refused"][:2]:
        assert each == f"APIError: HTTP 404: session not found: {told['id']}"
    assert told["refused"][2].startswith("APIError: HTTP 404: task not found")
    assert told["gone"] == f"APIError: HTTP 410: session not found: {told['id']} was ended"


async def test_every_way_to_get_a_result(worker: Worker) -> None:
    told = await call(worker, "ways")
    assert (told["streamed"][-1], 7 in told["streamed"]) == (10, True)
    assert told["accepted"] == [1, "sess-"]
    assert told["waited"] == {"a": 1}
    responses = [each["response"] for each in told["words"]]
    assert (responses[0], responses[-1]) == ("a", "abc")


async def test_refusals_name_no_session_that_is_not_gone(worker: Worker) -> None:
    told = await call(worker, "refused")
    must = 'APIError: HTTP 400: session_timeout must be 1 to 3600 seconds, with session "new"'
    assert told["timeout"] == told["timeout later"] == must
    assert "belongs to my-app, not other" in told["other app"]
    assert "belongs to my-app, not my-app@2" in told["other version"]
    assert told["no session"] == "APIError: HTTP 404: session not found: sess_unknown"
    assert told["webhook"] == "APIError: HTTP 400: webhook is not supported"
    assert told["agents"] == (
        "APIError: HTTP 501: POST /agents/run is not part of what this server offers"
    )
    for name in ("webhook", "no app", "logs", "agents", "no task"):
        assert "session" not in told[name].lower()


@pytest.mark.parametrize("version", [*ERAS, None])
async def test_each_era_of_the_sdk(worker: Worker, version: str | None) -> None:
    async with sidecar(worker.url) as process:
        told = await run_python("era", process.url, version=version)
    before, is_same, ended, size = told[0]
    assert (before, is_same) == ([{"action": "init"}], True)
    assert "session not found: sess-" in ended
    assert size > 100_000
    assert told[1] == [[{"action": "init"}], True]
