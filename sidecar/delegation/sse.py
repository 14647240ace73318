"""The events of a stream as it passes: server-sent ones, or a JSON text on each line (Ollama's).

Only what is asked for is kept: an event that is too large is passed over.
"""

from sidecar.sse import EventReader


class Events:
    """Feed it bytes, get the data of complete events."""

    def __init__(self, *, by_line: bool, limit: int) -> None:
        self._limit = limit
        self._reader = None if by_line else EventReader()
        self._line = b""
        self.overran = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._reader is None:
            return self._lines(data)
        found = [event.data.encode() for event in self._reader.feed(data)]
        if self._reader.held > self._limit:
            self._reader, self.overran = EventReader(), True
        return found

    def rest(self) -> bytes | None:
        """What stands behind the last complete event, where its end was left out."""
        if self._reader is None:
            return self._line or None
        events = self._reader.end()
        return events[-1].data.encode() if events else None

    def _lines(self, data: bytes) -> list[bytes]:
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > self._limit:
            self._line, self.overran = b"", True
        return [line for line in (each.removesuffix(b"\r") for each in lines) if line]
