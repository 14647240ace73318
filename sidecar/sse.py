"""Server-sent events (WHATWG HTML, section 9.2), read as they come, in pieces of any size."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    name: str
    data: str


class EventReader:
    """`held`: bytes that wait for the rest of their event."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []  # of a line
        self._data: list[str] = []  # of an event
        self._name = ""
        self._is_first = True
        self._after_cr = False
        self.held = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        return list(self._feed(data)) if data else []

    def end(self) -> list[Event]:
        """An event whose empty line never came counts as well: engines leave out the last one."""
        return [*self._end_line(), *self._end_event()]

    def _feed(self, data: bytes) -> Iterator[Event]:
        if self._after_cr and data[:1] == b"\n":  # the second half of a line end
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        first, *lines = _LINE_END.split(data)
        self.held += len(data)
        self._begun.append(first)
        for line in lines:
            yield from self._end_line()
            self._begun.append(line)

    def _end_line(self) -> Iterator[Event]:
        line = b"".join(self._begun)
        self._begun.clear()
        if self._is_first:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._is_first = False
        if line:
            self._take(*line.decode(errors="replace").partition(":"))
        else:
            yield from self._end_event()

    def _take(self, name: str, _: str, value: str) -> None:
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "error":  # not in the standard: older versions of llama.cpp
            self._name = "error"
            self._data.append(value)

    def _end_event(self) -> Iterator[Event]:
        if data := "\n".join(self._data):
            yield Event(self._name or "message", data)
        self._data, self._name, self.held = [], "", 0
