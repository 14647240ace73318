"""One reading of HTTP/1.1, with a complaint wherever RFC 9112 leaves room for a second one.

Written for the tests alone and shared by the engine and the client of the harness; it uses no
HTTP library, so it cannot agree with the sidecar's parser by accident.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.harness.wire import READ_SIZE, Wire

Fields = list[tuple[bytes, bytes]]

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.[01]")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*)?")
_CHUNK_LINE = re.compile(rb"[0-9A-Fa-f]{1,15}\r\n")
_FRAMING = {b"contentlength": b"content-length", b"transferencoding": b"transfer-encoding"}


class Ambiguous(Exception):
    """Bytes that cannot be read on, because what follows could be read in two ways."""


@dataclass
class Message:
    """A head and what is wrong with it. `size` is None without Content-Length."""

    head: bytes
    start: bytes
    fields: Fields
    faults: list[str] = field(default_factory=list)
    size: int | None = None
    chunked: bool = False

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name.lower()]


async def read_head(wire: Wire) -> Message:
    head = await wire.until(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    message = Message(head, start, [])
    if re.search(rb"[\r\n\0]", head.replace(b"\r\n", b"")):
        message.faults.append("bare CR, bare LF or NUL in the head")
    for line in lines:
        if (found := _FIELD.fullmatch(line)) is None:
            message.faults.append(f"not a field line: {line[:80]!r}")
        else:
            message.fields.append((found[1], found[2]))
    _find_framing(message)
    return message


def check_request_line(message: Message) -> tuple[bytes, bytes, bytes]:
    """Method, target and version; empty where there is none."""
    if _REQUEST_LINE.fullmatch(message.start) is None:
        message.faults.append(f"not a request line: {message.start[:80]!r}")
    method, target, version, *_ = (*message.start.split(b" "), b"", b"", b"")
    if version == b"HTTP/1.1" and len(message.values(b"Host")) != 1:
        message.faults.append("not exactly one Host")
    return method, target, version


def check_status_line(message: Message) -> tuple[int, bytes]:
    if _STATUS_LINE.fullmatch(message.start) is None:
        raise Ambiguous(f"not a status line: {message.start[:80]!r}")
    _, status, *reason = message.start.split(b" ", 2)
    return int(status), b"".join(reason)


def _find_framing(message: Message) -> None:
    for name, _ in message.fields:
        plain = re.sub(rb"[^a-z0-9]", b"", name.lower())
        if _FRAMING.get(plain, name.lower()) != name.lower():
            message.faults.append(f"{name!r} looks like framing")
    sizes, codings = message.values(b"Content-Length"), message.values(b"Transfer-Encoding")
    if len(sizes) + len(codings) > 1:
        message.faults.append("framed more than once")
    if sizes:
        if re.fullmatch(rb"[0-9]{1,18}", sizes[0]) is None:
            raise Ambiguous(f"Content-Length: {sizes[0][:80]!r}")
        message.size = int(sizes[0])
    if codings:
        if codings != [b"chunked"]:
            raise Ambiguous(f"Transfer-Encoding: {codings!r}")
        message.chunked = True


async def chunks(wire: Wire) -> AsyncIterator[bytes]:
    """A chunked body, without extensions and trailers: a proxy that re-frames has none to send."""
    while True:
        line = await wire.until(b"\r\n")
        if _CHUNK_LINE.fullmatch(line) is None:
            raise Ambiguous(f"chunk line {line[:80]!r}")
        if not (size := int(line, 16)):
            break
        async for piece in counted(wire, size):
            yield piece
        if (end := await wire.exactly(2)) != b"\r\n":
            raise Ambiguous(f"{end!r} after a chunk")
    if (end := await wire.exactly(2)) != b"\r\n":
        raise Ambiguous(f"trailer {end!r}")


async def counted(wire: Wire, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await wire.some(min(size, READ_SIZE))
        size -= len(piece)
        yield piece
