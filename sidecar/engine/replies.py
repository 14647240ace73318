"""Reads the heads of one engine's replies, and remembers what it has read.

An engine repeats its heads but for the length of what it says and the second in Date. A Reply is
never changed, so one that was read serves for every head with the same bytes, and for those that
are like it.
"""

from sidecar.engine.reply import Reply, read_reply
from sidecar.headers import Vocabulary
from sidecar.repeats import Repeats
from sidecar.shapes import Shape, Shapes, is_kept

_SHAPES = Shapes()
# 3 MiB at worst, half a MiB of heads with five lines (tracemalloc, CPython 3.11).
_KEPT = 256
_SEEN = 2048


class Replies:
    """header: is added to each that is no interim one."""

    def __init__(self, vocabulary: Vocabulary, header: tuple[str, str] | None) -> None:
        self._vocabulary = vocabulary
        self._header = header
        self._replies = Repeats[bytes, Reply](_KEPT, _SEEN)
        self._examples = Repeats[Shape, Reply](_KEPT, _SEEN)

    def read(self, head: bytes) -> Reply:
        """`head` runs up to and with the empty line. Raises ReplyError."""
        reply = self._replies.get(head)
        if reply is not None:
            return reply
        if not is_kept(head):
            return self.read_anew(head)
        reply = self._like(head)
        if self._replies.is_second(head):
            self._replies.keep(head, reply)
        return reply

    def read_anew(self, head: bytes) -> Reply:
        reply = read_reply(head, self._vocabulary)
        if self._header is not None and not reply.is_interim:
            name, value = self._header
            # Its own under that name, if it is a sidecar too, names what is behind it.
            reply.drop(name.lower().encode())
            reply.lines.append(f"{name}: {value}\r\n".encode())
        return reply

    def _like(self, head: bytes) -> Reply:
        shape, values = _SHAPES.cut(head)
        if len(values) != 1:
            return self.read_anew(head)
        [length] = values
        example = self._examples.get(shape)
        if example is not None:
            return example.with_length(int(length))
        reply = self.read_anew(head)
        if self._examples.is_second(shape):
            self._examples.keep(shape, reply)
        return reply
