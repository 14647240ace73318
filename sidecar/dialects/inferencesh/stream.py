"""A task's stream of lines: NDJSON, or server-sent events for who asks for them.

The SDKs set the rules: the last line says how the task ended (JavaScript waits for it for ever); a
real line comes at least every 10 s (Python gives up behind 30 s of heartbeats); Python reads the
task itself when the stream ends without a last line, which spares it a line that its HTTP client
would refuse (aiohttp: 512 KiB) or read slowly.
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final

from sidecar.dialects.inferencesh.task import Task
from sidecar.dialects.inferencesh.tasks import Live, Tasks
from sidecar.dialects.intent import Stream

_EVERY: Final = 8.0
_LONG: Final = 60_000
_PYTHON: Final = "inference-sdk-py/"
_NDJSON: Final = "application/x-ndjson"
_EVENTS: Final = "text/event-stream"


def stream(tasks: Tasks, task: Task, owner: str, headers: Mapping[str, str]) -> Stream:
    as_events = _EVENTS in headers.get("accept", "")
    reads_tasks = headers.get("user-agent", "").startswith(_PYTHON)
    live = tasks.live(task.id)
    lines = _local(live) if live is not None else _remote(tasks, task, owner)
    pieces = _pieces(lines, as_events=as_events, reads_tasks=reads_tasks)
    content_type = _EVENTS if as_events else _NDJSON
    return Stream(pieces, content_type, headers=(("Cache-Control", "no-cache"),))


async def _pieces(
    lines: AsyncGenerator[Task | dict[str, Any], None], *, as_events: bool, reads_tasks: bool
) -> AsyncGenerator[bytes, None]:
    try:
        async for each in lines:
            for text in _texts(each, reads_tasks=reads_tasks):
                yield f"data: {text}\n\n".encode() if as_events else f"{text}\n".encode()
    finally:
        await lines.aclose()


def _texts(each: Task | dict[str, Any], *, reads_tasks: bool) -> Iterator[str]:
    if isinstance(each, dict):
        yield json.dumps(each)
    elif not each.is_over:
        yield json.dumps(each.slim())
    else:
        last = json.dumps(each.whole())
        if not (reads_tasks and len(last) > _LONG):
            yield last


async def _local(live: Live) -> AsyncGenerator[Task | dict[str, Any], None]:
    sent, told, task = 0, None, live.task
    while True:
        for word in live.deltas[sent:]:
            sent += 1
            yield {"event": "delta", "data": {"delta": {"response": word}, "seq": sent}}
        if task.status is not told:
            told = task.status
            yield task
        if task.is_over:
            return
        if not await live.news(_EVERY):
            told = None


async def _remote(
    tasks: Tasks, task: Task, owner: str
) -> AsyncGenerator[Task | dict[str, Any], None]:
    async for each in tasks.changes(task.id, owner, every=_EVERY):
        yield each
