"""A chat request's body: where its messages are, and others put in front of them.

What is put in is the only change: every byte that the client wrote stays where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sidecar.jsontext import DECODER, following, members, skip
from sidecar.memory.message import Message, is_too_deep


@dataclass(frozen=True, slots=True)
class ChatBody:
    """`ends`: behind each message in `text`."""

    text: str
    messages: tuple[Message, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, body: bytes, path: Sequence[str]) -> Self | None:
        """None if there is no list of objects at `path`, or an empty one: the engine will say."""
        try:
            text = body.decode()
            return cls._read(text, _find(text, path))
        except (ValueError, LookupError, RecursionError):
            return None

    @classmethod
    def _read(cls, text: str, start: int) -> Self:
        if text[start] != "[":
            raise ValueError
        messages, ends = [], []
        position = skip(text, start + 1)
        while text[position] != "]":
            value, end = DECODER.raw_decode(text, position)
            if not isinstance(value, dict) or is_too_deep(value):
                raise ValueError
            messages.append(Message(text[position:end], value))
            ends.append(end)
            position = following(text, end)
        if not messages:
            raise ValueError
        return cls(text, tuple(messages), tuple(ends))

    def with_put_in(self, count: int, texts: Sequence[str]) -> bytes:
        """The body with more messages, behind its first `count`."""
        if not texts:
            return self.text.encode()
        put_in = ", ".join(texts)
        if count:
            position = self.ends[count - 1]
            put_in = f", {put_in}"
        else:
            position = self.ends[0] - len(self.messages[0].text)
            put_in = f"{put_in}, "
        return f"{self.text[:position]}{put_in}{self.text[position:]}".encode()


def _find(text: str, path: Sequence[str]) -> int:
    """Where the value at `path` begins. Raises ValueError or LookupError."""
    position = skip(text, text.startswith("\ufeff"))
    for name in path:
        position = _member(text, position, name)
    return position


def _member(text: str, start: int, wanted: str) -> int:
    """Of a name that is written twice the last one counts, as for most readers of JSON."""
    if text[start] != "{":
        raise ValueError
    found = [member.value for member in members(text, start) if member.name == wanted]
    if not found:
        raise LookupError
    return found[-1]
