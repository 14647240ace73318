"""What is to be done with a request, decided from its head alone. Both lanes follow it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp.http_parser import RawRequestMessage

from sidecar.dialects.intent import Answer, Intent, Pass, Peek, Ping, Route
from sidecar.head import Head
from sidecar.proxy.wire import request_start, untraced
from sidecar.turn import Turn

if TYPE_CHECKING:
    from sidecar.ops.spans import Spans

# A body up to this size is read whole first: the engine never waits for a slow small upload.
SMALL = 65536


@dataclass(frozen=True, slots=True)
class Refusal:
    answer: Answer
    error: str


@dataclass(slots=True)
class Plan:
    """Shared by every request with this head: never changed.

    intent is None when the request is refused. route is None when its head could not be accepted,
    and then nothing that follows on the connection can be trusted. message is None when the head
    was not parsed, since it is like another one.
    """

    message: RawRequestMessage | None
    head: Head | None
    route: Route | None
    intent: Intent | None
    refusal: Refusal | None
    path: str  # for the log, without the query
    raw: bytes = b""
    is_plain: bool = False  # the express lane can serve it
    keep_alive: bool = False  # the client would use its connection again
    length: int = 0  # of the body; -1: chunked
    streams: bool = False  # its body goes on as it comes, and is never whole in our hands
    _start: bytes = b""  # what goes to the engine, up to the session's line
    _whole: tuple[bytes, bytes] = (b"", b"")  # the last session's line, and the head with it
    _use: Intent | None = None  # when the body that is peeked at turns out to be no control

    @property
    def method(self) -> str:
        said = self.head or self.message
        return said.method if said is not None else "-"

    @property
    def is_handshake(self) -> bool:
        """Of a WebSocket: its key is new each time (RFC 6455 section 4.1)."""
        return self.head is not None and self.head.websocket

    def turn(self, client: str, spans: "Spans | None") -> Turn:
        """For one request with this head, from that address."""
        head = self.head
        if head is None:
            turn = Turn(self.method, self.path, client)
        else:
            turn = Turn(head.method, self.path, client, head.request_id, head.trace_id)
        if spans is not None:
            spans.begin(turn, () if head is None else head.lines)
        return turn

    def engine_head(self, session_line: bytes) -> bytes:
        """The head that goes to the engine for a plain request."""
        line, whole = self._whole
        if line != session_line or not whole:
            assert self.head is not None and self.route is not None
            if not self._start:
                self._start = request_start(self.head, self.route.target, self.head.lines)
            whole = b"%b%b\r\n" % (self._start, session_line)
            self._whole = session_line, whole
        return whole

    def traced_head(self, lines: bytes) -> bytes:
        """The same with `lines`, and without the trace's lines that came."""
        assert self.head is not None and self.route is not None
        start = request_start(self.head, self.route.target, untraced(self.head.lines))
        return b"%b%b\r\n" % (start, lines)

    def intent_with(self, body: bytes) -> Intent:
        """The intent, now that a body that had to be peeked at is known. Raises SidecarError."""
        assert self.head is not None and self.route is not None
        dialect = self.route.dialect
        if dialect.may_be_control(body):
            return dialect.decide_body(self.head, self.route, body)
        if self._use is None:
            self._use = dialect.decide_body(self.head, self.route, b"")
        return self._use


def may_take_time(intent: Intent | None) -> bool:
    """It asks store, keeper or companions. Of what is peeked at, that shows later."""
    return intent is not None and not isinstance(intent, Pass | Ping | Peek)
