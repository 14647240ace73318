"""A client's connection in the aiohttp lane: aiohttp's request handler behind our own framing."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from sidecar.dialects.intent import Answer
from sidecar.errors import BadRequest, SidecarError
from sidecar.proxy.framing import Framer
from sidecar.proxy.pace import Pace
from sidecar.proxy.plan import Plan
from sidecar.proxy.reset import reset
from sidecar.proxy.wire import answer_bytes

# What may wait unread before the client is told to pause: one socket buffer's worth.
_HIGH_WATER = 65536


class Sent(web.StreamResponse):
    """Tells aiohttp that the handler has written the answer itself."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._keeps = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        return self._keeps

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class ClientConnection(web.RequestHandler):
    """Frames requests, one at a time, and gives them to aiohttp's loop of handlers.

    `plan` is that of the request in hand. aiohttp's `_messages` and `_waiter` are the door to its
    loop (aiohttp 3.14; its own parser is never fed).
    """

    __slots__ = (
        "_broken",
        "_content",
        "_framer",
        "_upward",
        "body_received",
        "client",
        "pace",
        "plan",
        "server",
    )

    def __init__(self, server: Any, framer: Framer, pace: Pace, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self.server = server
        self.pace = pace
        self.plan: Plan | None = None
        self.client = "-"
        self.body_received = 0  # of the request in hand
        self._framer = framer
        self._content: StreamReader = EMPTY_PAYLOAD
        self._upward: Callable[[bytes], None] | None = None
        self._broken = False  # the body in hand is malformed: what follows means nothing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.client = peer[0]
        super().connection_made(transport)
        self.server.connections_of_both.add(self)

    def connection_lost(self, error: BaseException | None) -> None:
        super().connection_lost(error)
        self.server.connections_of_both.discard(self)

    def data_received(self, data: bytes) -> None:
        if not data or self._broken or self.pace.is_ending:
            return
        self.pace.received += len(data)
        if self._upward is not None:
            self._upward(data)
        elif self._framer.in_body:
            self._feed_body(data)
        elif self.plan is not None:
            self._hold(data)
        else:
            self._feed_head(data)

    @property
    def body_is_awaited(self) -> bool:
        """The client has not sent all of its body yet."""
        return self._framer.in_body

    @property
    def is_idle(self) -> bool:
        """Nothing of a request has come, or its sender only waits for the connection's end."""
        return self.pace.is_ending or (self.plan is None and not self._framer.rest)

    @property
    def is_held(self) -> bool:
        return self._reading_paused

    def check(self, now: float) -> None:
        """Nothing beyond what all connections are asked: the exchange has its own deadline."""

    def say_last(self, answer: Answer) -> None:
        """Answer outside of any request, and end."""
        if self.transport is not None:
            self.transport.write(answer_bytes(answer, close=True))
        self.end()

    def request_done(self) -> None:
        """The request in hand is answered; go on with what has come behind it."""
        if self._framer.in_body:
            return  # its answer came early, so the connection is closed
        self.plan = None
        self.pace.body_done()
        if self._reading_paused:
            self.resume_reading()
        if rest := self._framer.take_rest():
            self._feed_head(rest)

    def tunnel(self, upward: Callable[[bytes], None]) -> None:
        """From now on what the client sends is not HTTP any more."""
        self._upward = upward
        if self._reading_paused:
            self.resume_reading()
        if rest := self._framer.take_rest():
            upward(rest)

    def hold_reading(self, hold: bool) -> None:
        """In a tunnel: stop reading while the engine does not take what was read."""
        if hold:
            self.pause_reading()
        else:
            self.resume_reading()

    def end(self) -> None:
        """Say no more, but read and drop what still comes, for a while.

        Closing with unread bytes would reset the connection, and the client could lose the answer
        (RFC 9112 section 9.6).
        """
        self._force_close = True  # aiohttp leaves the closing to us
        self.pace.end()
        if self.transport is not None:
            self.transport.write_eof()
            self.resume_reading()

    def fail_body(self, error: SidecarError) -> None:
        """Wake whoever reads the body with an error of the client's side."""
        self._content.set_exception(error)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A fault of ours: aiohttp's own refusals cannot happen, its parser is not used."""
        self.logger.error("a fault of the sidecar", exc_info=exc)
        if self.transport is not None and request.writer.output_size:
            reset(self.transport)
        elif self.transport is not None:
            answer = self.server.refuse(SidecarError("the sidecar failed; its log says where"))
            self.transport.write(answer_bytes(answer, close=True))
        return Sent(keep_alive=False)

    def pause_reading(self) -> None:
        """Without aiohttp's parser, which objects when it is not in the middle of a body."""
        self._reading_paused = True
        self._pause_transport_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        self._reading_paused = False
        self._resume_transport_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.pace.write_paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.pace.write_resumed()

    def _feed_head(self, data: bytes) -> None:
        self.pace.head_arriving()
        plan = self._framer.feed_head(data)
        if plan is None:
            if not self._framer.rest:
                self.pace.head_since = None
            return
        self.pace.head_since = None
        if plan.route is None:
            self._refuse(plan)
            return
        message = self._framer.message(plan)
        self.plan = plan
        self.body_received = 0
        self._content = EMPTY_PAYLOAD
        if plan.length:
            self._content = StreamReader(self, _HIGH_WATER // 2, loop=self._loop)
        if whole := self._framer.take_whole():
            self.body_received = len(whole)
            self._content.feed_data(whole)
            self._content.feed_eof()
        self._messages.append((message, self._content))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._framer.in_body and (rest := self._framer.take_rest()):
            self._feed_body(rest)

    def _feed_body(self, data: bytes) -> None:
        try:
            payload = self._framer.feed_body(data)
        except BadRequest as error:
            self._broken = True
            self.fail_body(error)
            return
        if payload:
            self.body_received += len(payload)
            self._content.feed_data(payload)
        if not self._framer.in_body:
            self._content.feed_eof()

    def _hold(self, data: bytes) -> None:
        self._framer.rest += data
        if len(self._framer.rest) > _HIGH_WATER and not self._reading_paused:
            self.pause_reading()

    def _refuse(self, plan: Plan) -> None:
        self.server.note_refused(self, plan)
        if plan.refusal is not None:
            self.say_last(plan.refusal.answer)
