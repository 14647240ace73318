"""The log: one JSON line per event and per request, on stdout, written in one go."""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from sidecar.turn import Turn


def write_event(event: str, *, level: str = "info", **fields: object) -> None:
    line = {"ts": datetime.now(UTC).isoformat(), "level": level, "event": event, **fields}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class EventHandler(logging.Handler):
    """Standard logging, as lines of the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        write_event("log", level=record.levelname.lower(), message=text)


def write_access(turn: Turn) -> None:
    """Probes are not logged; ids are cut to eight characters; a query may hold secrets."""
    if turn.intent == "ping":
        return
    write_event(
        "request",
        method=turn.method,
        path=turn.path,
        status=turn.status,
        intent=turn.intent,
        session=turn.session and turn.session[:8],
        duration_ms=round((time.monotonic() - turn.started) * 1000, 3),
        first_byte_ms=turn.first_byte and round((turn.first_byte - turn.started) * 1000, 3),
        bytes_out=turn.bytes_out,
        error=turn.error,
    )
