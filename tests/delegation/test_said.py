"""Request and response shapes as MHCS writes them; the engine's own words go to the client."""

import json
from pathlib import Path

import pytest

from tests.engines.caller import Caller
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Exchange, RecordingEngine

SHAPES = {
    "create": {
        "path": "/open",
        "response_shape": {"X-Amzn-SageMaker-New-Session-Id": "session_id", "content": "message"},
    },
    "close": {
        "path": "/close",
        "request_shape": {"session_id": "headers.'X-Amzn-SageMaker-Session-Id'"},
        "response_shape": {"content": "message"},
    },
}


@pytest.mark.parametrize(
    ("words", "opened", "closed"),
    [
        ({"message": "welcome"}, "welcome", "welcome"),
        ({"message": {"seats": 2}}, '{"seats": 2}', '{"seats": 2}'),
        ({}, None, None),
        ({"message": ""}, None, None),
        ({"message": "x" * 5000}, "x" * 4096, "x" * 4096),
    ],
    ids=["text", "an-object", "none", "empty", "long"],
)
async def test_the_engines_words_reach_the_client(
    tmp_path: Path, words: dict[str, object], opened: str | None, closed: str | None
) -> None:
    async def say(exchange: Exchange) -> None:
        await exchange.read_body()
        body = json.dumps({"session_id": "e1", **words}).encode()
        await exchange.reply(body, b"Content-Type: application/json")

    preset = tmp_path / "own.json"
    preset.write_text(json.dumps(SHAPES))
    async with RecordingEngine() as engine:
        engine.on(b"/open", say)
        engine.on(b"/close", say)
        process = SidecarProcess(engine.url, SIDECAR_ENGINE_PRESET=str(preset))
        async with process as sidecar, Caller(sidecar.url) as caller:
            new = await caller.post("/invocations", None, json={"requestType": "NEW_SESSION"})
            session = new.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]
            assert new.body.decode() == (opened or f"Session {session} created")
            end = await caller.post("/invocations", session, json={"requestType": "CLOSE"})
            assert end.headers["X-Amzn-SageMaker-Closed-Session-Id"] == session
            assert end.body.decode() == (closed or f"Session {session} closed")
        assert json.loads(engine.at(b"/close")[0].body) == {"session_id": "e1"}
