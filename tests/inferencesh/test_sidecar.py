"""The API over the whole sidecar, as it is on the wire."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.harness.waiting import eventually
from tests.inferencesh.caller import Caller, calling
from tests.inferencesh.stage import run_python, sidecar
from tests.inferencesh.worker import Worker
from tests.life.asking import takes_connections
from tests.supervisor.supervised import soon, supervised

LAST_LINE = {
    *("id", "created_at", "updated_at", "status", "input", "output", "error", "logs"),
    "session_id",
}


@pytest.fixture
async def caller(worker: Worker) -> AsyncIterator[Caller]:
    async with sidecar(worker.url) as process, calling(process.url) as caller:
        yield caller


async def until_over(caller: Caller, task_id: str) -> dict[str, Any]:
    return (await caller.lines(task_id))[-1]


async def test_what_the_worker_gets(worker: Worker, caller: Caller) -> None:
    await caller.run(None)
    assert worker.inputs == [{}]
    assert worker.last == {"type": "application/json", "authorization": ""}
    await caller.run([1, {"a": None}])
    assert worker.inputs[1] == [1, {"a": None}]
    done = await caller.run({"a": 1}, "new")
    assert worker.sessions[done["session_id"]] == [{"a": 1}]


async def test_the_accepted_task_is_never_over(caller: Caller) -> None:
    task = await caller.accept({}, "new", session_timeout=300)
    assert (task["status"], task["output"], task["session_timeout"]) == (1, None, 300)
    assert task["session_id"].startswith("sess-")
    [*before, last] = await caller.lines(task["id"])
    assert last.keys() >= LAST_LINE
    assert all(line.keys() == before[0].keys() and "input" not in line for line in before)
    again = await caller.lines(task["id"])
    assert again == [last]


async def test_events_for_who_asks_for_them(caller: Caller) -> None:
    task = await caller.accept({"a": 1})
    accept = {"Accept": "text/event-stream"}
    async with caller.http.get(f"/tasks/{task['id']}/stream", headers=accept) as answer:
        assert answer.content_type == "text/event-stream"
        events = (await answer.text()).split("\n\n")
    assert events[-1] == ""
    assert json.loads(events[-2].removeprefix("data: "))["status"] == 10


async def test_the_envelope_of_version_2_is_none(caller: Caller) -> None:
    body = {"app": "my-app", "input": {}}
    status, task = await caller.ask("POST", "/apps/run", body, X_API_Version="2")
    assert (status, task["status"]) == (200, 1)
    _, found = await caller.ask("GET", f"/tasks/{task['id']}/status", X_API_Version="2")
    assert found.keys() == {"id", "status", "updated_at"}


async def test_what_is_ignored_is_said(caller: Caller) -> None:
    body = {"app": "my-app", "input": {}, "infra": "cloud", "workers": ["a"], "stream": True}
    _, answer = await caller.ask("POST", "/run", body)
    assert [each["message"].split()[0] for each in answer["messages"]] == [
        *("infra", "workers", "stream")
    ]


async def test_an_address_with_a_slash_at_its_end(worker: Worker) -> None:
    async with sidecar(worker.url) as process:
        assert await run_python("calls", f"{process.url}/", "gathered") == list(range(10))


async def test_other_paths_are_the_engines(worker: Worker, caller: Caller) -> None:
    status, answer = await caller.ask("POST", "/invocations", {"a": 1})
    assert (status, answer["given"]) == (200, {"a": 1})
    assert worker.paths == ["/invocations"]


async def test_a_client_that_leaves_its_stream(worker: Worker, caller: Caller) -> None:
    """The task goes on, and its result is kept."""
    task = await caller.accept({"sleep": 0.5}, "new")
    async with caller.http.get(f"/tasks/{task['id']}/stream") as answer:
        await answer.content.readline()
        answer.close()
    done = await until_over(caller, task["id"])
    assert (done["status"], worker.cut) == (10, 0)


async def test_the_proxy_of_a_page(caller: Caller) -> None:
    async def asked(method: str, target: str, body: Any = None) -> tuple[int, Any]:
        headers = {"x_inf_target_url": f"https://api.inference.sh{target}"}
        return await caller.ask(method, "/api/inference/proxy", body, **headers)

    _, accepted = await asked("POST", "/apps/run", {"app": "a", "input": {}, "session": "new"})
    task = accepted["data"]
    target = f"?__inf_target=https%3A%2F%2Fapi.inference.sh%2Ftasks%2F{task['id']}%2Fstream"
    async with caller.http.get(f"/api/inference/proxy{target}") as answer:
        assert json.loads((await answer.text()).splitlines()[-1])["status"] == 10
    assert await asked("DELETE", f"/sessions/{task['session_id']}") == (204, None)
    status, missing = await caller.ask("POST", "/api/inference/proxy", {})
    assert status == 400
    assert missing["detail"].startswith("Missing x-inf-target-url header or __inf_target")
    for nowhere in ("/invocations", "/api/inference/proxy", "/ping"):
        status, _ = await asked("POST", nowhere, {})
        assert status == 501


async def test_more_calls_than_may_wait(worker: Worker) -> None:
    async with (
        sidecar(worker.url, SIDECAR_SESSION_QUEUE="1") as process,
        calling(process.url) as caller,
    ):
        session = (await caller.run({}, "new"))["session_id"]
        for _ in range(2):
            await caller.accept({"sleep": 30}, session)
        assert await eventually(lambda: {"sleep": 30} in worker.inputs)
        body = {"app": "my-app", "input": {}, "session": session}
        async with caller.http.post("/apps/run", json=body) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert "session" not in (await answer.text()).replace("_session", "").lower()


async def test_no_app_is_taken_for_the_engine(worker: Worker) -> None:
    variables = {
        "SIDECAR_INFERENCESH_DEFAULT_PATH": "off",
        "SIDECAR_INFERENCESH_APPS": json.dumps(
            {"a": {"path": "/do/{function}", "functions": {"run": "/predict"}}}
        ),
        "SIDECAR_INFERENCESH_END_ON": "off",
    }
    async with sidecar(worker.url, **variables) as process, calling(process.url) as caller:
        first = await caller.run({"action": "cleanup"}, "new", app="a@3")
        session = first["session_id"]
        await caller.run({}, session, app="a@3:train")
        await caller.run({}, session, app="a@3", function="test")
        assert worker.paths == ["/predict", "/do/train", "/do/test"]
        status, answer = await caller.ask("POST", "/apps/run", {"app": "b", "input": {}})
        assert (status, answer["detail"]) == (404, "app not found: b")


async def test_idle_time_ends_a_session_and_keepalive_puts_that_off(caller: Caller) -> None:
    session = (await caller.run({}, "new", session_timeout=2))["session_id"]
    for _ in range(3):
        await asyncio.sleep(0.8)
        status, kept = await caller.ask("POST", f"/sessions/{session}/keepalive")
        assert (status, kept["data"]["status"]) == (200, "active")
    for _ in range(10):
        await asyncio.sleep(0.25)
        await caller.ask("GET", f"/sessions/{session}")  # a look is no use
    status, answer = await caller.ask("GET", f"/sessions/{session}")
    assert (status, answer["title"]) == (410, "SESSION_EXPIRED")
    assert answer["detail"] == f"session not found: {session} expired after 2s without a call"
    assert answer["error"] == {"code": "SESSION_EXPIRED", "message": answer["detail"]}
    assert answer["type"].endswith("/errors/SESSION_EXPIRED")


async def test_a_worker_that_breaks_off_is_not_lost(worker: Worker, caller: Caller) -> None:
    """It still listens, so it may remember; and nothing is sent twice."""
    session = (await caller.run({"a": 1}, "new"))["session_id"]
    broken = await caller.run({"drop": True}, session)
    assert (broken["status"], broken["error"]) == (11, "upstream broke off its answer")
    assert (await caller.run({}, session))["output"]["before"][0] == {"a": 1}
    assert worker.inputs.count({"drop": True}) == 1


async def test_the_only_worker_is_lost(worker: Worker, caller: Caller) -> None:
    used, unused = [(await caller.run({}, "new"))["session_id"] for _ in range(2)]
    running = await caller.accept({"sleep": 30}, used)
    queued = await caller.accept({"a": 1}, used)
    assert await eventually(lambda: {"sleep": 30} in worker.inputs)
    await worker.crash()
    failed = await until_over(caller, running["id"])
    assert failed["error"] == (f"worker lost for session {used}: session not found on any worker")
    behind = await until_over(caller, queued["id"])
    assert behind["error"] == f"session not found: {used} was ended: its worker was lost"
    for each in (used, unused):
        body = {"app": "my-app", "input": {}, "session": each}
        status, answer = await caller.ask("POST", "/apps/run", body)
        assert (status, answer["title"]) == (410, "SESSION_ENDED")
    alone = await caller.run({})
    assert alone["error"].startswith("worker unreachable: ")
    assert "session" not in alone["error"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_an_engine_that_is_started_anew_between_two_calls(workers: str) -> None:
    """Nobody met its port closed, and it has forgotten all the same."""
    demo = ("sh", "-c", f"exec {sys.executable} -m sidecar.demo.engine --port {{port}} >/dev/null")
    dialects = "sagemaker,inferencesh"
    async with (
        supervised(*demo, SIDECAR_DIALECTS=dialects, SIDECAR_WORKERS=workers) as process,
        calling(process.url) as caller,
    ):
        await soon(lambda: takes_connections(process.engine_port))
        session = (await caller.run({"text": "a"}, "new"))["session_id"]
        assert (await caller.run({"text": "b"}, session))["output"]["turn"] == 2
        os.kill(await process.engine_pid(), signal.SIGKILL)
        await soon(lambda: len(process.lines("engine_started")) == 2)
        await soon(lambda: takes_connections(process.engine_port))
        body = {"app": "my-app", "input": {"text": "c"}, "session": session}
        status, answer = await caller.ask("POST", "/apps/run", body)
        assert (status, answer["detail"]) == (
            410,
            f"session not found: {session} was ended: its worker was lost",
        )
        assert (await caller.run({"text": "a"}, "new"))["output"]["turn"] == 1


async def test_an_answer_that_takes_too_long(worker: Worker) -> None:
    async with (
        sidecar(worker.url, SIDECAR_ENGINE_RESPONSE_TIMEOUT="0.3") as process,
        calling(process.url) as caller,
    ):
        slow = await caller.run({"sleep": 5}, "new")
        assert slow["error"] == "upstream did not answer within 0.3s"
        assert (await caller.run({}, slow["session_id"]))["status"] == 10


async def test_a_drain_waits_for_a_task_that_nobody_follows(worker: Worker) -> None:
    async with sidecar(worker.url) as process:
        async with calling(process.url) as caller:
            task = await caller.accept({"sleep": 1.5}, "new")
            assert await eventually(lambda: bool(worker.inputs))
        assert await process.stop() == 0
        await process.start()
        async with calling(process.url) as caller:
            done = await caller.task(task["id"])
            assert (done["status"], done["output"]["given"]) == (10, {"sleep": 1.5})
            again = await caller.run({}, done["session_id"])
            assert again["output"]["before"] == [{"sleep": 1.5}]
    assert worker.cut == 0


async def test_a_task_that_a_drain_does_not_wait_for(worker: Worker) -> None:
    async with sidecar(worker.url, SIDECAR_DRAIN_SECONDS="0.5") as process:
        async with calling(process.url) as caller:
            task = await caller.accept({"sleep": 30}, "new")
            assert await eventually(lambda: bool(worker.inputs))
        await process.stop()
        await process.start()
        async with calling(process.url) as caller:
            failed = await caller.task(task["id"])
    assert failed["status"] == 11
    assert failed["error"] == (
        "worker unreachable: the server was stopped before the task was done"
    )


async def test_a_task_whose_process_was_killed(worker: Worker) -> None:
    async with sidecar(worker.url) as process:
        async with calling(process.url) as caller:
            task = await caller.accept({"sleep": 30}, "new")
            assert await eventually(lambda: bool(worker.inputs))
        await process.stop(signal.SIGKILL)
        await process.start()
        async with calling(process.url) as caller:
            failed = (await caller.lines(task["id"]))[-1]
            assert failed["error"].startswith("worker unreachable: the server was restarted")
            assert (await caller.run({}, task["session_id"]))["status"] == 10
