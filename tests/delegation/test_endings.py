"""What the packaged presets make of an engine's words: gone, busy, failed, or none of these."""

import json
from typing import Any

import pytest

from sidecar.delegation.grammar.expression import Headers
from sidecar.delegation.grammar.load import load_preset
from sidecar.delegation.view import reply_view

START = (
    "inference request for sequence 42 to model 'counter' must specify the START flag on the "
    "first request of the sequence"
)
GIVEN = {"triton": {"MODEL": "counter", "CLOSE_INPUTS": "[]"}}


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


# SGLang 0.5.23 scheduler.py and session_controller.py; Triton 2.51; vLLM 0.32 and OpenAI's API.
@pytest.mark.parametrize(
    ("preset", "status", "body", "is_gone"),
    [
        ("sglang", 400, openai("Invalid request: session id ab does not exist"), True),
        ("sglang", 400, openai("Invalid request: close was requested for session ab"), True),
        ("sglang", 400, openai("Streaming session already has an active request."), False),
        ("sglang", 200, {"text": "does not exist"}, False),
        ("sglang-tree", 400, openai("Invalid request session id"), True),
        ("sglang-tree", 400, openai("Invalid request: close was requested for session ab"), True),
        ("triton", 400, {"error": START}, True),
        ("triton", 400, {"error": "unexpected inference input"}, False),
        ("openai-responses", 404, openai("Response with id 'resp_1' not found."), True),
        (
            "openai-responses",
            400,
            openai(
                "Previous response with id 'resp_1' not found.", code="previous_response_not_found"
            ),
            True,
        ),
        ("openai-responses", 404, openai("The model `m` does not exist."), False),
        ("openai-responses", 400, openai("File 'f' not found.", code="invalid_value"), False),
    ],
)
def test_the_engine_says_that_it_does_not_know_the_session(
    preset: str, status: int, body: dict[str, Any], is_gone: bool
) -> None:
    text = json.dumps(body)
    view = reply_view(status, Headers(), text.encode())
    conditions = load_preset(preset, GIVEN.get(preset, {})).unknown
    assert any(condition.holds(view, text) for condition in conditions) is is_gone


@pytest.mark.parametrize(
    ("body", "carried"),
    [
        ({"id": "r", "status": "completed"}, "r"),
        ({"id": "r", "status": "incomplete"}, "r"),
        ({"id": "r"}, "r"),
        ({"id": "r", "status": "failed"}, None),
        ({"id": "r", "status": "queued"}, None),
        ({"type": "response.completed", "response": {"id": "r", "status": "completed"}}, "r"),
        ({"type": "response.failed", "response": {"id": "r", "status": "failed"}}, None),
        ({"type": "response.created", "response": {"id": "r", "status": "in_progress"}}, None),
        ({"type": "response.cancelled", "response": {"id": "r", "status": "cancelled"}}, None),
        ({"type": "response.output_text.delta", "delta": "x"}, None),
        ("no JSON", None),
    ],
)
def test_only_a_response_that_can_be_gone_on_from_is_carried(body: Any, carried: Any) -> None:
    [carry] = load_preset("openai-responses", {}).carry
    assert carry.pick({"status": 200, "headers": {}, "body": body}) == carried
