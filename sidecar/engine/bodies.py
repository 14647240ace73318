"""Where the body of a reply ends: by its length, by its last chunk, or with the connection."""

from typing import Final, Protocol

from sidecar.engine.chunks import ChunkDecoder
from sidecar.engine.reply import Reply


class Body(Protocol):
    """Feed it what arrives and take the payload; it may raise ChunkError.

    `done` turns true at the end; `rest` then holds what followed it.
    """

    done: bool
    rest: bytes

    def feed(self, data: bytes) -> bytes: ...


class Counted:
    """A body of a known length."""

    __slots__ = ("_need", "done", "rest")

    def __init__(self, length: int) -> None:
        self._need = length
        self.done = not length
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        need = self._need
        if len(data) < need:
            self._need = need - len(data)
            return data
        self.done = True
        self.rest = data[need:]
        return data[:need]


class UntilEnd:
    """All that comes; also what follows a 101. It remembers nothing, so one serves all."""

    done = False
    rest = b""

    def feed(self, data: bytes) -> bytes:
        return data


UNTIL_END: Final = UntilEnd()


def body_of(reply: Reply, *, bodyless: bool) -> Body:
    """RFC 9112 section 6.3. bodyless: a reply to HEAD."""
    if reply.status == 101:
        return UNTIL_END
    if bodyless or reply.has_no_body:
        return Counted(0)
    if reply.chunked:
        return ChunkDecoder()
    return UNTIL_END if reply.content_length is None else Counted(reply.content_length)
