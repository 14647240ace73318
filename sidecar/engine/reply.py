"""The head of an engine's reply, read strictly: a reply with two readings is a 502."""

import re
from dataclasses import dataclass, field

from sidecar.headers import Field, Vocabulary, tokens

HEAD_LIMIT = 65536

_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (" + _VALUE + rb"))?\r\n")
_HEADER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++):[ \t]*+(" + _VALUE + rb")\r\n")


class ReplyError(ValueError):
    """The bytes are not one clear HTTP/1 reply."""


@dataclass(slots=True)
class Reply:
    """A reply's head; never changed once it is read and given on.

    `lines` are the headers that go on to the client, without framing.

    content_length is None when the engine gave none: the body is then chunked, or ends with the
    connection.
    """

    status: int
    reason: bytes
    http11: bool
    content_length: int | None = None
    chunked: bool = False
    keep_alive: bool = True
    websocket: bool = False
    content_type: bytes | None = None
    lines: list[bytes] = field(default_factory=list)
    has_no_body: bool = False
    """RFC 9112 section 6.3, rule 1; a reply to HEAD has none either."""
    is_interim: bool = False  # another reply follows (RFC 9110 section 15.2)
    kept_head: bytes = b""  # as a client on a kept connection gets it, once that has been made

    @property
    def is_event_stream(self) -> bool:
        return (self.content_type or b"").lower().startswith(b"text/event-stream")

    def with_length(self, length: int) -> "Reply":
        """The same with another Content-Length. Written out: dataclasses.replace takes five times
        as long."""
        return Reply(
            self.status,
            self.reason,
            self.http11,
            length,
            self.chunked,
            self.keep_alive,
            self.websocket,
            self.content_type,
            self.lines,
            self.has_no_body,
            self.is_interim,
        )

    def drop(self, name: bytes) -> None:
        """`name` is in lower case."""
        self.lines = [line for line in self.lines if line.partition(b":")[0].lower() != name]


def read_reply(head: bytes, vocabulary: Vocabulary) -> Reply:
    """`head` runs up to and with the empty line. Raises ReplyError."""
    start = _STATUS_LINE.match(head)
    if start is None:
        raise ReplyError("its status line is not HTTP/1")
    reply = Reply(int(start[2]), start[3] or b"", start[1] == b"1")
    reply.is_interim = reply.status < 200 and reply.status != 101
    reply.has_no_body = reply.status < 200 or reply.status in (204, 304)
    if reply.status > 599:
        raise ReplyError("its status is above 599")
    return _read_fields(reply, head, start.end(), vocabulary)


def _read_fields(reply: Reply, head: bytes, position: int, vocabulary: Vocabulary) -> Reply:
    connection: set[bytes] = set()
    upgrade: set[bytes] = set()
    end = len(head) - 2
    while position < end:
        match = _HEADER_LINE.match(head, position)
        if match is None:
            raise ReplyError("one of its header lines is malformed")
        position = match.end()
        known = vocabulary.of_reply(match[1])
        if known is None or (known.field > Field.OURS and not known.is_exact):
            reply.lines.append(match[0])
        elif known.field is Field.CONNECTION:
            connection |= tokens(match[2])
        elif known.field is Field.UPGRADE:
            upgrade |= tokens(match[2])
        elif _understand(reply, known.field, known.is_exact, match[2].rstrip(b" \t")):
            reply.lines.append(match[0])
    return _conclude(reply, connection, upgrade)


def _understand(reply: Reply, field_: Field, exact: bool, value: bytes) -> bool:
    """Note what a known header says; True if it goes on to the client."""
    match field_:
        case Field.CONTENT_LENGTH if exact:
            if reply.content_length is not None or not value.isdigit() or len(value) > 18:
                raise ReplyError("its Content-Length is not one decimal number")
            reply.content_length = int(value)
        case Field.TRANSFER_ENCODING if exact:
            if reply.chunked or value.lower() != b"chunked":
                raise ReplyError("its Transfer-Encoding is not exactly 'chunked'")
            reply.chunked = True
        case Field.CONTENT_LENGTH | Field.TRANSFER_ENCODING:
            raise ReplyError("one of its headers only looks like a framing header")
        case Field.CONTENT_TYPE:
            reply.content_type = value
            return True
        case Field.HOST | Field.EXPECT | Field.CONTENT_ENCODING:
            return True
        case _:
            pass
    return False


def _conclude(reply: Reply, connection: set[bytes], upgrade: set[bytes]) -> Reply:
    if reply.chunked and reply.content_length is not None:
        raise ReplyError("it has both Content-Length and Transfer-Encoding")
    if reply.chunked and not reply.http11:
        raise ReplyError("it has Transfer-Encoding in HTTP/1.0")
    reply.keep_alive = (
        b"close" not in connection
        and (reply.http11 or b"keep-alive" in connection)
        # RFC 9112 section 6.3: a 204 has no body. One that claims a body may send it, too late.
        and not (reply.status == 204 and (reply.chunked or bool(reply.content_length)))
    )
    reply.websocket = b"upgrade" in connection and b"websocket" in upgrade
    nominated = connection - {b"close", b"keep-alive", b"upgrade"}
    if nominated:
        reply.lines = [
            line for line in reply.lines if line.partition(b":")[0].lower() not in nominated
        ]
    return reply
