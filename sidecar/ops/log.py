"""The log of the process: events and requests as lines on stdout, in JSON or for people."""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from sidecar.ops.lines import Lines


class Log:
    """Every line of this process, in the order of the calls. Safe in any thread."""

    def __init__(self, descriptor: int) -> None:
        self.lines = Lines(descriptor, self._dropped)
        self.text = False
        self._second = 0
        self._prefix = ""

    def stamp(self) -> str:
        """Now, as RFC 3339 has it."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"

    def write(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        self.lines.add(self._worded(level, event, fields))

    def _worded(self, level: str, event: str, fields: Mapping[str, Any]) -> str:
        known = {name: value for name, value in fields.items() if value is not None}
        if self.text:
            shown = "".join(f" {name}={_for_people(value)}" for name, value in known.items())
            return f"{self.stamp()} {level} {event}{shown}\n"
        line = {"ts": self.stamp(), "level": level, "event": event, **known}
        return json.dumps(line, default=str) + "\n"

    def _dropped(self, count: int) -> str:
        return self._worded("warning", "log_lines_dropped", {"dropped": count})


def _stdout() -> int:
    """Closed by whoever started us, its number may be that of a client's socket by now."""
    return sys.__stdout__.fileno() if sys.__stdout__ else os.open(os.devnull, os.O_WRONLY)


LOG = Log(_stdout())


def write_event(event: str, *, level: str = "info", **fields: object) -> None:
    LOG.write(level, event, fields)


class EventHandler(logging.Handler):
    """Standard logging, as lines of the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # its arguments do not fit; logging's handlers all go on
            self.handleError(record)
            return
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        write_event("log", level=record.levelname.lower(), message=text)


def _for_people(value: object) -> str:
    """As it is, unless it could be taken for more than one value, or moves a terminal's cursor."""
    text = str(value)
    if text.isprintable() and not set(text) & {" ", '"', "="} and text:
        return text
    return encode_basestring_ascii(text).replace("\x7f", "\\u007f")
