"""Chunked transfer coding (RFC 9112 section 7.1), decoded strictly.

A lenient reading of chunk sizes is how two readers come to disagree about where a message ends.
"""

import re
from enum import Enum, auto

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")
_LINE_LIMIT = 4096
_TRAILER_LIMIT = 16384


class _Line(Enum):
    """What the next line is."""

    SIZE = auto()
    END_OF_DATA = auto()
    TRAILER = auto()


_SIZE, _END_OF_DATA, _TRAILER = _Line


class ChunkError(ValueError):
    """The bytes are not a chunked body."""


class ChunkDecoder:
    """Feed it bytes, get payload. Trailers and extensions are read and dropped.

    `done` turns true behind the last chunk; `rest` then holds what followed it.
    """

    __slots__ = ("_carry", "_line", "_need", "_trailer_size", "done", "rest")

    def __init__(self) -> None:
        self._need = 0
        self._carry = b""
        self._line = _SIZE
        self._trailer_size = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """The payload in `data`. Raises ChunkError."""
        if self._carry:
            data, self._carry = self._carry + data, b""
        pieces = []
        position = 0
        while position < len(data) and not self.done:
            if need := self._need:
                piece = data[position : position + need]
                pieces.append(piece)
                position += len(piece)
                self._need = need - len(piece)
                if self._need:
                    break
                # The end of the data here, and not as a line of its own, like the size below: that
                # is 0.3 us of 1.0 for an event of a stream.
                if data[position : position + 2] == b"\r\n":
                    position += 2
                else:
                    self._line = _END_OF_DATA
            elif self._line is _SIZE and (size := _SIZE_LINE.match(data, position)):
                if size.end() - position > _LINE_LIMIT + 2:
                    raise ChunkError("chunk line too long")
                self._need = int(size[1], 16)
                position = size.end()
                if not self._need:
                    self._line = _TRAILER
            else:
                position = self._read_line(data, position)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\r\n", position)
        if end < 0:
            self._carry = self._unfinished(data[position:])
            return len(data)
        line = data[position:end]
        if self._line is _SIZE:
            raise ChunkError("bad chunk size")
        if self._line is _TRAILER:
            self._take_trailer(line, data, end)
        elif line:
            raise ChunkError("chunk data longer than its size")
        else:
            self._line = _SIZE
        return end + 2

    def _unfinished(self, line: bytes) -> bytes:
        """The beginning of a line; what cannot become one is refused now, not waited for."""
        room = _TRAILER_LIMIT - self._trailer_size if self._line is _TRAILER else _LINE_LIMIT
        size = len(line) - line.endswith(b"\r")
        if size > room or (self._line is _END_OF_DATA and line != b"\r"):
            raise ChunkError("chunk line too long or missing")
        if b"\n" in line or b"\r" in line[:-1]:
            raise ChunkError("a line that does not end with CR LF")
        return line

    def _take_trailer(self, line: bytes, data: bytes, end: int) -> None:
        self._trailer_size += len(line)
        if self._trailer_size > _TRAILER_LIMIT:
            raise ChunkError("trailers too long")
        if not line:
            self.done = True
            self.rest = data[end + 2 :]
        elif _TRAILER_LINE.fullmatch(line) is None:
            raise ChunkError("bad trailer")
