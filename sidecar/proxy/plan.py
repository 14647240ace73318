"""What is to be done with a request, decided from its head alone. Both lanes start here.

Everything in a plan is a pure function of the head's bytes, so plans of heads that come again (a
client on a kept-alive connection repeats itself) are kept: no bytes are read in two ways.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage

from sidecar.dialects.intent import (
    Answer,
    Dialect,
    Intent,
    Pass,
    Peek,
    Ping,
    Route,
    Serve,
    Voice,
)
from sidecar.errors import BadRequest, BodyTooLarge, HeadTooLarge, SidecarError, TargetTooLong
from sidecar.head import Head, examine
from sidecar.headers import Vocabulary
from sidecar.proxy.wire import request_start, untraced
from sidecar.turn import Turn

if TYPE_CHECKING:
    from sidecar.ops.spans import Spans

HEAD_LIMIT = 65536
# A body up to this size is read whole first: the engine never waits for a slow small upload.
SMALL = 65536
# 512 heads of at most 2 KiB, and what is made of them: about 3 MiB at worst.
_KEPT_PLANS = 512
_KEPT_HEAD_LIMIT = 2048
_SEEN_HEADS = 4096


@dataclass(frozen=True, slots=True)
class Refusal:
    answer: Answer
    error: str


@dataclass(slots=True)
class Plan:
    """Shared by every request with this head: never changed.

    intent is None when the request is refused. route is None when its head could not be accepted,
    and then nothing that follows on the connection can be trusted.
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
        return self.message.method if self.message is not None else "-"

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


class HeadParser:
    """aiohttp's C parser for one request head, in as many pieces as it comes in."""

    def __init__(self, protocol: BaseProtocol, loop: asyncio.AbstractEventLoop) -> None:
        self._parser = HttpRequestParser(
            protocol,
            loop,
            HEAD_LIMIT,
            max_line_size=8190,
            max_field_size=8190,
            max_headers=128,
            auto_decompress=False,
        )

    def feed(self, data: bytes) -> RawRequestMessage | None:
        """The head, once it is complete. Raises BadRequest, HeadTooLarge or TargetTooLong."""
        try:
            messages, _, _ = self._parser.feed_data(data)
        except LineTooLong as error:
            long_target = "request line" in str(error).lower()
            raise (TargetTooLong if long_target else HeadTooLarge)(
                "the request head is too long"
            ) from None
        except HttpProcessingError:
            raise BadRequest("this is not a valid HTTP/1.1 request") from None
        return messages[0][0] if messages else None


class Planner:
    """Asks the dialects in their order; the last one has a route for every request.

    slow_sessions: what concerns a session may take time or change a request, so it is not plain.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        vocabulary: Vocabulary,
        body_max: int,
        *,
        slow_sessions: bool = False,
    ) -> None:
        self._slow_sessions = slow_sessions
        self._dialects = dialects
        self._vocabulary = vocabulary
        self._body_max = body_max
        self._loop = asyncio.get_running_loop()
        self._protocol = BaseProtocol(self._loop)
        self._kept: dict[bytes, Plan] = {}
        self._seen: set[int] = set()  # hashes of heads

    def parser(self) -> HeadParser:
        return HeadParser(self._protocol, self._loop)

    def plan(self, raw: bytes) -> Plan:
        """The plan for a complete head, which ends with its empty line."""
        plan = self._kept.get(raw)
        if plan is None:
            plan = self._make(raw)
            if len(raw) <= _KEPT_HEAD_LIMIT and not plan.is_handshake:
                self._keep(raw, plan)
        return plan

    def _keep(self, raw: bytes, plan: Plan) -> None:
        """From the second time on: heads that all differ, by a request's id, would only push the
        others out (and cost 1.3 us of 24 each, most of it to drop what nobody asked for again)."""
        seen = hash(raw)
        if seen not in self._seen:
            if len(self._seen) >= _SEEN_HEADS:
                self._seen.clear()
            self._seen.add(seen)
            return
        if len(self._kept) >= _KEPT_PLANS:
            self._kept.clear()
        self._kept[raw] = plan

    def refused(self, error: SidecarError, message: RawRequestMessage | None = None) -> Plan:
        """The plan for a head that is not accepted."""
        path = message.path.partition("?")[0] if message is not None else "-"
        refusal = _refusal(self._dialects[-1].voice, error)
        return Plan(message, None, None, None, refusal, path)

    def _make(self, raw: bytes) -> Plan:
        message = None
        try:
            message = self.parser().feed(raw)
            if message is None:
                raise BadRequest("this is not a valid HTTP/1.1 request")
            head = self._examine(message)
        except SidecarError as error:
            return self.refused(error, message)
        route = self._route(head)
        intent, refusal = None, None
        try:
            if (head.content_length or 0) > self._body_max:
                raise BodyTooLarge("the body is larger than SIDECAR_REQUEST_BODY_MAX allows")
            intent = route.dialect.decide(head, route)
        except SidecarError as error:
            refusal = _refusal(route.voice, error)
        is_plain = _is_plain(message, head, route, intent)
        is_plain = is_plain and not (self._slow_sessions and may_take_time(intent))
        return Plan(
            message,
            head,
            route,
            intent,
            refusal,
            head.path,
            raw,
            is_plain,
            keep_alive=not message.should_close,
            length=-1 if head.chunked else head.content_length or 0,
            streams=not isinstance(intent, Peek)
            and (head.chunked or (head.content_length or 0) > SMALL),
        )

    def _route(self, head: Head) -> Route:
        for dialect in self._dialects:
            route = dialect.route(head)
            if route is not None:
                return route
        raise AssertionError("the last dialect has a route for every request")

    def _examine(self, message: RawRequestMessage) -> Head:
        version = (message.version.major, message.version.minor)
        return examine(message.method, message.path, version, message.raw_headers, self._vocabulary)


def _is_plain(message: RawRequestMessage, head: Head, route: Route, intent: Intent | None) -> bool:
    """Nothing but bytes to relay: no handshake, no rewording, no peek into an open end."""
    voice = route.voice
    return (
        head.http11
        and not (head.expects_continue or head.websocket or message.upgrade)
        and not (isinstance(intent, Peek) and head.chunked)
        and not isinstance(intent, Serve)
        and voice.encoder is None
        and voice.engine_error is None
        and route.lines is None
    )


def may_take_time(intent: Intent | None) -> bool:
    """It asks store, keeper or companions. Of what is peeked at, that shows later."""
    return intent is not None and not isinstance(intent, Pass | Ping | Peek)


def _refusal(voice: Voice, error: SidecarError) -> Refusal:
    return Refusal(voice.refuse(error), error.message)
