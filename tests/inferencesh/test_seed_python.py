"""The Python document's blocks, in its order, with the newest SDK."""

from typing import Any

from tests.inferencesh.stage import run_python, sidecar
from tests.inferencesh.worker import Worker


async def test_every_block(worker: Worker) -> None:
    async with sidecar(worker.url) as process:
        told = await run_python("seed_python", process.url)
    _check_first_use(told)
    _check_use_cases(told)
    _check_ends(told)
    _check_workflow(told, worker)


def _check_first_use(told: dict[str, Any]) -> None:
    created = told["creating_a_session"]
    session_id = created["returned"]["session_id"]
    assert session_id and created["printed"] == [f"Session: {session_id}"]
    used = told["using_an_existing_session"]["returned"]
    assert used["output"]["before"] == [{"action": "initialize"}]
    assert (used["session_id"], used["status"]) == (session_id, 10)
    assert told["session_timeout"]["returned"]["idle_timeout"] == 300


def _check_use_cases(told: dict[str, Any]) -> None:
    loaded = told["model_loading"]
    assert len(loaded["printed"]) == 3
    assert [each["action"] for each in loaded["returned"]["before"]] == [
        *("load_model", "predict", "predict")
    ]
    browsed = told["browser_automation"]["returned"]["before"]
    assert [each["action"] for each in browsed] == ["start", "click", "type"]
    assert told["stateful_conversations"]["printed"] == [
        "Assistant: about What is quantum computing?",
        "Assistant: about Can you give me a simple example?",
        "Assistant: about How is it different from classical computing?",
    ]
    piped = told["data_processing_pipeline"]
    assert [line.partition(":")[0] for line in piped["printed"]] == [
        *("summary", "correlations", "outliers", "trends")
    ]
    assert piped["returned"]["before"][0]["action"] == "load"


def _check_ends(told: dict[str, Any]) -> None:
    expired = told["check_session_status"]
    assert expired["printed"] == ["Session expired, creating new one"]
    assert expired["returned"].startswith("HTTP 410: session not found: sess-")
    assert expired["returned"].endswith("expired after 1s without a call")
    assert told["closed"].endswith("was ended")
    recovered = told["session_recovery_pattern"]["returned"]
    first, second, after_a_failure = recovered["sessions"]
    assert first != second == after_a_failure
    assert recovered["results"] == [[{"action": "init"}]] * 2
    assert recovered["failure"] == "upstream answered HTTP 500: out of memory"


def _check_workflow(told: dict[str, Any], worker: Worker) -> None:
    results = told["async_sessions"]["returned"]
    assert [each["input"]["id"] for each in results] == list(range(10))
    assert [len(each["output"]["before"]) for each in results] == list(range(1, 11))
    assert worker.busiest == 1
