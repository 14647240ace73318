"""The events of a stream as it passes: server-sent events, or a JSON text on each line.

WHATWG HTML section 9.2.6 for the former; Ollama's streams are the latter. Only what is asked for
is kept: an event that is too large is passed over.
"""

_BOM = b"\xef\xbb\xbf"


class Events:
    """Feed it bytes, get the data of complete events."""

    def __init__(self, *, by_line: bool, limit: int) -> None:
        self._by_line = by_line
        self._limit = limit
        self._line = b""
        self._data: list[bytes] = []
        self._size = 0
        self._first = True
        self.overran = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._first:
            data, self._first = data.removeprefix(_BOM), False
        *lines, self._line = (self._line + data).split(b"\n")
        found = []
        for line in lines:
            if (event := self._take(line.removesuffix(b"\r"))) is not None:
                found.append(event)
        if len(self._line) > self._limit:
            self._line, self.overran = b"", True
        return found

    def rest(self) -> bytes | None:
        """What stands behind the last complete event, where its end was left out."""
        last = self._take(self._line)
        return last if self._by_line or last is not None else self._event()

    def _take(self, line: bytes) -> bytes | None:
        if self._by_line:
            return line or None
        if not line:
            return self._event()
        if line.startswith(b"data:"):
            piece = line[5:].removeprefix(b" ")
            self._size += len(piece)
            self._data.append(piece)
            if self._size > self._limit:
                self._data, self._size, self.overran = [], 0, True
        return None

    def _event(self) -> bytes | None:
        data, self._data, self._size = self._data, [], 0
        return b"\n".join(data) if data else None
