"""What a session has beside its times: owner, idle time, state. One file, only if there is any.

It takes a page of 4 KiB, of which a container's usual 64 MiB have 16,384: sessions without any of
these must not pay for them. The file is replaced as a whole.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sidecar.errors import BodyTooLarge
from sidecar.sessions import files
from sidecar.sessions.store import STATE_LIMIT

RECORD = ".sidecar.record"
# JSON inside JSON: each character of a state may take two. And what is ours.
_LIMIT = 2 * STATE_LIMIT + 4096


class Damaged(Exception):
    """A record that we did not write: ours are whole or not there at all."""


class Record(NamedTuple):
    owner: str | None = None
    idle: float | None = None
    latest: float = 0.0
    """Boot clock: no touch moves the end beyond it."""
    state: str = "{}"
    """JSON, so that what is cached cannot be changed by a caller."""


PLAIN = Record()


def encode_state(state: Mapping[str, Any]) -> str:
    """Raises BodyTooLarge."""
    text = json.dumps(dict(state), separators=(",", ":"))
    if len(text) > STATE_LIMIT:
        raise BodyTooLarge(f"the state of a session may have {STATE_LIMIT} bytes, not {len(text)}")
    return text


def read_record(directory: str, *, dir_fd: int) -> Record:
    """Raises Damaged or OSError."""
    try:
        data = files.read(f"{directory}/{RECORD}", _LIMIT, dir_fd=dir_fd)
    except (files.NotAFile, files.TooLong):
        raise Damaged from None
    return PLAIN if data is None else _decode(data)


def write_record(record: Record, directory: str, *, dir_fd: int) -> None:
    """Into a directory that has none."""
    files.make(f"{directory}/{RECORD}", _encode(record), dir_fd=dir_fd)


def replace_record(record: Record, *, dir_fd: int) -> None:
    files.replace(RECORD, _encode(record), dir_fd=dir_fd)


def _encode(record: Record) -> bytes:
    return json.dumps(record).encode()


def _decode(data: bytes) -> Record:
    try:
        owner, idle, latest, state = json.loads(data)
        if not isinstance(json.loads(state), dict):
            raise TypeError
        return Record(_text(owner), _number(idle), float(latest), state)
    except (ValueError, TypeError, RecursionError):
        raise Damaged from None


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> float | None:
    if value is not None and not isinstance(value, int | float):
        raise TypeError
    return value
