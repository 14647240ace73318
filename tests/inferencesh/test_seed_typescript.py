"""The TypeScript document's blocks, in its order, with the newest SDK; its hook and its server."""

from pathlib import Path
from typing import Any

from tests.inferencesh.stage import run_javascript, sidecar
from tests.inferencesh.worker import Worker


async def test_every_block(worker: Worker, tmp_path: Path) -> None:
    async with sidecar(worker.url) as process:
        told = await run_javascript("seed.ts", process.url, scratch=tmp_path)
    _check_first_use(told)
    _check_use_cases(told)
    _check_recovery(told["sessionRecoveryPattern"]["returned"])


def _check_first_use(told: dict[str, Any]) -> None:
    created = told["creatingASession"]
    session_id = created["returned"]["session_id"]
    assert session_id and created["printed"] == [[f"Session: {session_id}"]]
    used = told["usingAnExistingSession"]["returned"]
    assert used["output"]["before"] == [{"action": "initialize"}]
    assert (used["session_id"], used["status"]) == (session_id, 10)
    assert told["sessionTimeout"]["returned"]["idle_timeout"] == 300


def _check_use_cases(told: dict[str, Any]) -> None:
    loaded = [printed[0]["before"] for printed in told["modelLoading"]["printed"]]
    assert [len(before) for before in loaded] == [1, 2, 3]
    browsed = told["browserAutomation"]["returned"]["before"]
    assert [each["action"] for each in browsed] == ["start", "click", "type"]
    assert told["statefulConversations"]["printed"][2] == [
        "Assistant: about How is it different from classical computing?"
    ]
    piped = told["dataProcessingPipeline"]["printed"]
    assert [label for label, _ in piped] == [*("summary:", "correlations:", "outliers:", "trends:")]


def _check_recovery(told: dict[str, Any]) -> None:
    assert told["result"]["session_id"] != told["again"]["session_id"]
    assert told["again"]["output"]["before"] == [{"action": "init"}]
    assert told["failure"] == "upstream answered HTTP 500: out of memory"
    assert told["after"]["session_id"] == told["again"]["session_id"]


async def test_the_react_hook(worker: Worker, tmp_path: Path) -> None:
    async with sidecar(worker.url) as process:
        told = await run_javascript("page.tsx", process.url, scratch=tmp_path)
    first, same, second = told["states"]
    assert first == same != second
    [expired] = told["uncaught"]
    assert "session not found: sess-" in expired
    assert [each["action"] for each in worker.inputs] == ["start", "screenshot", "start"]


async def test_the_express_server(worker: Worker, tmp_path: Path) -> None:
    async with sidecar(worker.url) as process:
        told = await run_javascript("express.ts", process.url, scratch=tmp_path)
    assert told["before"] == {"status": 400, "body": {"error": "No active session"}}
    assert told["ann"]["body"]["sessionId"] != told["bob"]["body"]["sessionId"]
    assert told["action"]["body"]["before"] == [{"action": "start", "url": "https://example.com"}]
    thrown = "upstream answered HTTP 500: state of the model"
    assert told["failed"] == {"status": 500, "body": {"thrown": thrown}}
    assert told["after"]["status"] == 200
    assert told["expired"] == {"status": 400, "body": {"error": "Session expired"}}
    assert told["again"] == {"status": 400, "body": {"error": "No active session"}}
    assert told["end"]["body"] == {"ok": True}
