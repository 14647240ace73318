"""A client's connection in the express lane: what comes from the client, and what becomes of it.

idle --head--> gathering a small body --> waiting for the engine --> relaying --> idle
           \\-> streaming a large body  -/
           \\-> handed to the aiohttp lane, when the request is not plain
"""

import asyncio
from typing import TYPE_CHECKING

from sidecar.dialects.intent import Answer, Begin, Intent, Peek, Use
from sidecar.errors import BadRequest, BodyTooLarge, SidecarError
from sidecar.proxy.action import act, use
from sidecar.proxy.express.forward import Forward
from sidecar.proxy.express.inhand import RequestInHand
from sidecar.proxy.express.step import step
from sidecar.proxy.framing import Framer
from sidecar.proxy.house import House
from sidecar.proxy.plan import Plan, may_take_time
from sidecar.proxy.way import settle
from sidecar.proxy.wire import LAST_CHUNK, chunk
from sidecar.sessions.session import Session

if TYPE_CHECKING:
    from sidecar.proxy.express.server import ExpressServer

# What may wait unread before the client is told to pause: one socket buffer's worth.
_HIGH_WATER = 65536


class ExpressConnection(RequestInHand):
    __slots__ = ("_body", "_broken", "_forward", "_server", "_streaming")

    _body: list[bytes]  # of the request in hand, while it is gathered

    def __init__(self, server: "ExpressServer", house: House, framer: Framer) -> None:
        super().__init__(house, framer)
        self._server = server
        self._forward = Forward(self)
        self._streaming = False
        self._broken = False  # the body in hand is malformed: what follows means nothing

    # the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        pace = self.pace
        pace.received += len(data)
        if self._broken or pace.is_ending:
            return
        if self._framer.in_body:
            self._take_body(data)
            self._go_on()
        elif self.plan is not None or self._write_paused:
            self._keep_for_later(data)
        else:
            self._take_heads(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)
        self.transport = None
        self._forward.abort()
        if self.plan is not None:
            self.plan = None
            self.turn.left = True
            self.house.on_turn(self.turn)

    def pause_writing(self) -> None:
        self._write_paused = True
        self.pace.write_paused()
        self._forward.hold(True)

    def resume_writing(self) -> None:
        self._write_paused = False
        self.pace.write_resumed()
        self._forward.hold(False)
        self._go_on()

    # what all connections are asked

    def fail_body(self, error: SidecarError) -> None:
        self._broken = True
        if self._forward.is_replying:
            self._forward.abort()
            self.break_off(error)
        else:
            self._forward.abort()
            self.refuse(error)

    def check(self, now: float) -> None:
        self._forward.check(now, self.house.settings.engine_response_timeout)

    # the engine's side

    def replied(self, *, keep: bool) -> None:
        """The engine's reply is written."""
        self._finish(keep=keep)
        if self._framer.rest:
            self._go_on()

    def refuse(self, error: SidecarError) -> None:
        self._refuse(error)
        self._go_on()

    # requests

    def _take_heads(self, data: bytes) -> None:
        """Requests that are answered at once follow each other here, not by recursion."""
        framer = self._framer
        while True:
            plan = framer.feed_head(data)
            if plan is None:
                if framer.rest:
                    self.pace.head_arriving()
                else:
                    self.pace.head_since = None
                return
            self._start(plan)
            if self.plan is not None or not framer.rest or not self._may_go_on:
                return
            data = b""

    @property
    def _may_go_on(self) -> bool:
        return not (self._write_paused or self.pace.is_ending or self._is_closing)

    def _go_on(self) -> None:
        """With what has come behind the request that is now answered."""
        if self.plan is None and self._framer.rest and self._may_go_on:
            self._take_heads(b"")

    def _start(self, plan: Plan) -> None:
        self.pace.head_since = None
        framer = self._framer
        if plan.route is None:
            self._take(plan)
            self._refuse_head(plan)
        elif not plan.is_plain:
            self._hand_over(plan.raw + framer.take_whole())
        elif not framer.in_body:
            self._take(plan)
            self.turn.bytes_in = plan.length
            self._decide(plan, framer.take_whole())
        else:
            self._take(plan)
            self._gather(plan)

    def _gather(self, plan: Plan) -> None:
        """Its body is still to come."""
        self._streaming = plan.streams
        self._body = []
        if plan.streams:
            self._decide(plan, None)
        if self.plan is not None:
            self.pace.want_body()
            if rest := self._framer.take_rest():
                self._take_body(rest)

    def _hand_over(self, request: bytes) -> None:
        """To the aiohttp lane, with what has come of this request and behind it."""
        self.hold_reading(False)
        self._server.hand_over(self, request + self._framer.take_rest())

    def _decide(self, plan: Plan, body: bytes | None) -> None:
        """The body is whole, or None: it is streamed, and its head is enough to decide."""
        if plan.refusal is not None:
            self.turn.error = plan.refusal.error
            self._say(plan.refusal.answer)
            return
        intent = plan.intent
        assert intent is not None
        try:
            if isinstance(intent, Peek):
                self.turn.intent = "undecided"
                intent = plan.intent_with(body or b"")
                if self.house.slow_sessions and may_take_time(intent):
                    self._hand_over(plan.raw + (body or b""))
                    return
            self._carry_out(plan, intent, body or b"")
        except SidecarError as error:
            self._refuse(error)

    def _carry_out(self, plan: Plan, intent: Intent, body: bytes) -> None:
        house, route = self.house, plan.route
        assert route is not None
        session: Answer | Session | None
        if house.at_once is not None and isinstance(intent, Use):
            session = use(house.at_once, intent, route, self.turn)
        else:
            session = step(act(house, intent, route, self.turn))
        if session is None:
            head = plan.engine_head(b"") if house.spans is None else self._traced_head(plan, b"")
            self._forward.start(house.replicas.place(), head + body, None)
        elif isinstance(session, Answer):
            self._say(session)
        else:
            is_new = isinstance(intent, Begin)
            if house.replicas.several and not is_new:
                step(settle(house, session))
            line = route.dialect.session_line(session)
            head = plan.engine_head(line) if house.spans is None else self._traced_head(plan, line)
            self._forward.start(house.replicas.of(session), head + body, session, is_new=is_new)

    def _traced_head(self, plan: Plan, session_line: bytes) -> bytes:
        spans = self.house.spans
        assert spans is not None
        return plan.traced_head(session_line + b"".join(spans.onward(self.turn)))

    def _take_body(self, data: bytes) -> None:
        try:
            payload = self._framer.feed_body(data)
        except BadRequest as error:
            self.fail_body(error)
            return
        self.turn.bytes_in += len(payload)
        if self._streaming:
            self._stream(payload)
            return
        self._body.append(payload)
        if not self._framer.in_body:
            self.pace.body_done()
            body = b"".join(self._body)
            self._body.clear()
            assert self.plan is not None
            self._decide(self.plan, body)

    def _stream(self, payload: bytes) -> None:
        if not self._forward.is_open:
            return  # the answer came early: the rest is dropped
        if self.turn.bytes_in > self.house.settings.request_body_max:
            setting = "SIDECAR_REQUEST_BODY_MAX"
            self.fail_body(BodyTooLarge(f"the body is larger than {setting} allows"))
            return
        if payload:
            self._forward.send(chunk(payload) if self.head.chunked else payload)
        if not self._framer.in_body:
            self.pace.body_done()
            if self.head.chunked:
                self._forward.send(LAST_CHUNK)
            self._forward.request_sent()

    def _keep_for_later(self, data: bytes) -> None:
        self._framer.rest += data
        if len(self._framer.rest) > _HIGH_WATER:
            self.hold_reading(True)
