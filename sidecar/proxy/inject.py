"""The session's id at a path of a JSON body; every other byte stays as it was written."""

import json
from collections.abc import Iterator
from json.decoder import WHITESPACE, JSONDecoder, scanstring  # type: ignore[attr-defined]

from sidecar.errors import BadRequest

# Numbers stay text: a digit string of any length is no work, and none is ever written back.
_decoder = JSONDecoder(parse_int=str, parse_float=str)


def with_session_id(body: bytes, path: tuple[str, ...], session_id: str) -> bytes:
    """The body with the id at `path`; missing parents are made. Raises BadRequest."""
    where = ".".join(path)
    try:
        text = body.decode()
        start = _skip(text, text.startswith("\ufeff"))
        _, end = _decoder.raw_decode(text, start)
        whole = _skip(text, end) == len(text)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise BadRequest(f"the body is not JSON, so the session id cannot go to {where}")
    try:
        return "".join((text[:start], _set(text, start, path, session_id), text[end:])).encode()
    except _NoObject:
        raise BadRequest(f"the body has no object where the session id goes: {where}") from None


class _NoObject(Exception):
    pass


def _set(text: str, start: int, path: tuple[str, ...], value: str) -> str:
    """The object that begins at `start`, with the value set; a key written twice, in both."""
    if text[start] != "{":
        raise _NoObject
    pieces, position, found, empty = [], start, False, True
    end = start + 1
    for name, begin, end in _members(text, start):
        empty = False
        if name == path[0]:
            found = True
            new = _set(text, begin, path[1:], value) if path[1:] else json.dumps(value)
            pieces += [text[position:begin], new]
            position = end
    pieces.append(text[position:end])
    if not found:
        pieces.append(("" if empty else ", ") + _chain(path, value))
    return "".join((*pieces, text[end : text.index("}", end) + 1]))


def _chain(path: tuple[str, ...], value: str) -> str:
    """`"a": {"b": "value"}`"""
    new: object = value
    for name in reversed(path[1:]):
        new = {name: new}
    return f"{json.dumps(path[0])}: {json.dumps(new)}"


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Name, begin and end of each value of an object that is known to be valid."""
    position = _skip(text, start + 1)
    while text[position] != "}":
        name, position = scanstring(text, position + 1)
        begin = _skip(text, _skip(text, position) + 1)
        _, end = _decoder.raw_decode(text, begin)
        yield name, begin, end
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    match = WHITESPACE.match(text, position)
    return match.end() if match else position
