"""A chat request's body: where its messages are, and others put in front of them.

What is put in is the only change: every byte that the client wrote stays where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from json.decoder import WHITESPACE, JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Self

from sidecar.memory.message import Message, is_too_deep

# Numbers stay text: a digit string of any length is no work, and none is ever written back.
_decoder = JSONDecoder(parse_int=str, parse_float=str)


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
        position = _skip(text, start + 1)
        while text[position] != "]":
            value, end = _decoder.raw_decode(text, position)
            if not isinstance(value, dict) or is_too_deep(value):
                raise ValueError
            messages.append(Message(text[position:end], value))
            ends.append(end)
            position = _next(text, end)
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
    position = _skip(text, text.startswith("\ufeff"))
    for name in path:
        position = _member(text, position, name)
    return position


def _member(text: str, start: int, wanted: str) -> int:
    """Of a name that is written twice the last one counts, as for most readers of JSON."""
    if text[start] != "{":
        raise ValueError
    found = None
    position = _skip(text, start + 1)
    while text[position] != "}":
        name, position = scanstring(text, position + 1)
        begin = _skip(text, _skip(text, position) + 1)
        _, end = _decoder.raw_decode(text, begin)
        if name == wanted:
            found = begin
        position = _next(text, end)
    if found is None:
        raise LookupError
    return found


def _next(text: str, end: int) -> int:
    """Where the next element begins, or what closes the list."""
    position = _skip(text, end)
    return _skip(text, position + 1) if text[position] == "," else position


def _skip(text: str, position: int) -> int:
    match = WHITESPACE.match(text, position)
    return match.end() if match else position
