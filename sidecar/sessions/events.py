"""The log of a session: a file of lines, each line one batch of events.

A batch is written by one write(2), and counts once its newline is there. What a killed process or
a full file system left behind the last newline is no batch: readers pass over it, and the next
writer cuts it off.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidecar.errors import BodyTooLarge
from sidecar.sessions import files
from sidecar.sessions.layout import EVENTS
from sidecar.sessions.store import EVENTS_LIMIT

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT
_BLOCK = 64 * 1024


def encode(events: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps([dict(each) for each in events], separators=(",", ":")).encode() + b"\n"


def decode(log: bytes) -> Iterator[dict[str, Any]]:
    """Raises ValueError for a line that we did not write."""
    for line in _lines(log):
        yield from json.loads(line)


def read(*, dir_fd: int) -> bytes:
    return files.read(EVENTS, EVENTS_LIMIT, dir_fd=dir_fd) or b""


def append(batch: bytes, *, dir_fd: int) -> None:
    """For one writer at a time. Raises OSError or BodyTooLarge, and then nothing was added."""
    log = files.open_regular(EVENTS, _APPEND, dir_fd=dir_fd)
    try:
        whole = _cut_torn(log)
        if whole + len(batch) > EVENTS_LIMIT:
            raise BodyTooLarge(
                f"the events of a session may have {EVENTS_LIMIT} bytes, "
                f"not {whole + len(batch)}; drop the oldest"
            )
        _write_whole(log, batch, whole, dir_fd)
    finally:
        files.close(log)


def drop(log: bytes, count: int) -> bytes:
    """The log without its oldest events; what stays is not parsed."""
    lines = list(_lines(log))
    for position, line in enumerate(lines):
        events = json.loads(line)
        if len(events) > count:
            return encode(events[count:]) + b"".join(each + b"\n" for each in lines[position + 1 :])
        count -= len(events)
    return b""


def replace(log: bytes, *, dir_fd: int) -> None:
    """For one writer at a time. An empty one needs no room."""
    if log:
        files.replace(EVENTS, log, dir_fd=dir_fd)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(EVENTS, dir_fd=dir_fd)


def _lines(log: bytes) -> list[bytes]:
    return log.split(b"\n")[:-1]


def _write_whole(log: int, batch: bytes, before: int, dir_fd: int) -> None:
    try:
        files.write(log, batch)
    except OSError:
        if before:
            os.ftruncate(log, before)
        else:
            os.unlink(EVENTS, dir_fd=dir_fd)
        raise


def _cut_torn(log: int) -> int:
    """The size up to the last newline, which is the size from now on."""
    size = os.fstat(log).st_size
    whole = _end_of_last_line(log, size)
    if whole < size:
        os.ftruncate(log, whole)
    return whole


def _end_of_last_line(log: int, size: int) -> int:
    # The usual case, without reading a whole block.
    if size == 0 or os.pread(log, 1, size - 1) == b"\n":
        return size
    while size:
        start = max(0, size - _BLOCK)
        newline = os.pread(log, size - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0
