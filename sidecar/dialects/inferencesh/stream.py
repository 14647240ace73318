"""A task's stream of lines: NDJSON, or server-sent events for who asks for them.

The SDKs set the rules: the last line says how the task ended (JavaScript waits for it for ever); a
real line comes at least every 10 s (Python gives up behind 30 s of heartbeats); Python reads the
task itself when the stream ends without a last line, which spares it a line that its HTTP client
would refuse (aiohttp: 512 KiB) or read slowly. Its versions before 0.7 do not read it, so they get
the line.
"""

import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final

from sidecar.dialects.inferencesh.live import Live, within
from sidecar.dialects.inferencesh.task import Task
from sidecar.dialects.inferencesh.tasks import Tasks
from sidecar.dialects.intent import Stream

EVERY: Final = 8.0
_LONG: Final = 60_000
_READS_TASKS: Final = re.compile(r"inference-sdk-py/(?!0\.[0-6]\.)")
_NDJSON: Final = "application/x-ndjson"
_EVENTS: Final = "text/event-stream"

Line = Task | dict[str, Any]


def stream(
    tasks: Tasks, task: Task, owner: str, headers: Mapping[str, str], *, every: float = EVERY
) -> Stream:
    as_events = _EVENTS in headers.get("accept", "")
    reads_tasks = _READS_TASKS.match(headers.get("user-agent", "")) is not None
    live = tasks.live(task.id, owner)
    here = None if live is None else _local(live, every)
    lines = here or tasks.changes(task.id, owner, every=every)
    pieces = _pieces(lines, as_events=as_events, reads_tasks=reads_tasks)
    content_type = _EVENTS if as_events else _NDJSON
    return Stream(pieces, content_type, headers=(("Cache-Control", "no-cache"),))


async def _pieces(
    lines: AsyncGenerator[Line, None], *, as_events: bool, reads_tasks: bool
) -> AsyncGenerator[bytes, None]:
    try:
        async for each in lines:
            for text in _texts(each, reads_tasks=reads_tasks):
                yield f"data: {text}\n\n".encode() if as_events else f"{text}\n".encode()
    finally:
        await lines.aclose()


def _texts(each: Line, *, reads_tasks: bool) -> Iterator[str]:
    if isinstance(each, dict):
        yield json.dumps(each)
    elif not each.is_over:
        yield json.dumps(each.slim())
    else:
        last = json.dumps(each.whole())
        if not (reads_tasks and len(last) > _LONG):
            yield last


async def _local(live: Live, every: float) -> AsyncGenerator[Line, None]:
    sent, told = 0, None
    while True:
        news = live.news
        while sent < len(live.deltas):
            sent += 1
            delta = {"response": live.deltas[sent - 1]}
            yield {"event": "delta", "data": {"delta": delta, "seq": sent}}
        task = live.task
        if task.status is not told:
            told = task.status
            yield task
            if task.is_over:
                return
        elif not await within(every, news):
            told = None
