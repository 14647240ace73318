"""Engines' answers, in OpenAI's form."""

import json
from typing import Any

from sidecar.engine.reply import Reply

Json = dict[str, Any]

STREAM = Reply(200, b"OK", True, content_type=b"text/event-stream; charset=utf-8")
PAGE = Reply(200, b"OK", True, content_type=b"application/json")


def events(*values: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in values)


def chunk(delta: Json, finish: str | None = None, index: int = 0) -> Json:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


DONE = b"data: [DONE]\n\n"
SAID = {"role": "assistant", "content": "Hello you"}
HELLO = events(
    chunk({"role": "assistant", "content": None}),
    chunk({"content": "Hello"}),
    chunk({"content": " you"}),
    chunk({}, "stop"),
    {"choices": [], "usage": {"total_tokens": 9}},
)
