"""Finding one's way in the text of a JSON value, for changes that leave the rest as it was written.

Numbers stay text: a digit string of any length is no work, and none is ever written back.
"""

from collections.abc import Iterator
from json.decoder import WHITESPACE, JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Final, NamedTuple

DECODER: Final = JSONDecoder(parse_int=str, parse_float=str)


class Member(NamedTuple):
    """Of an object: positions in the text."""

    name: str
    separator: str  # what stands before its key
    begin: int
    value: int
    end: int


def members(text: str, start: int) -> Iterator[Member]:
    """The members of the object that begins at `start`. Raises ValueError where it is none."""
    end = start + 1
    begin = skip(text, end)
    while text[begin] != "}":
        name, key_end = scanstring(text, begin + 1)
        value = skip(text, skip(text, key_end) + 1)
        _, value_end = DECODER.raw_decode(text, value)
        yield Member(name, text[end:begin], begin, value, value_end)
        end = value_end
        begin = following(text, end)


def following(text: str, end: int) -> int:
    """Where the next element begins, or what closes the list or object."""
    position = skip(text, end)
    return skip(text, position + 1) if text[position] == "," else position


def skip(text: str, position: int) -> int:
    """Behind the white space."""
    match = WHITESPACE.match(text, position)
    return match.end() if match else position
