"""From the bytes of a head to what is to be done with its request. Both lanes start here.

Everything in a plan is a pure function of the head's bytes. So plans of heads that come again (a
client on a kept-alive connection repeats itself) are kept, and what is known of a head serves for
those that are like it: no bytes are read in two ways.
"""

import asyncio
from collections.abc import Sequence

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import RawRequestMessage

from sidecar.dialects.intent import Dialect, Intent, Peek, Route, Serve, Voice
from sidecar.errors import BadRequest, BodyTooLarge, SidecarError
from sidecar.head import Head, examine
from sidecar.headers import Vocabulary
from sidecar.proxy.likeness import REQUEST_SHAPES, Likeness
from sidecar.proxy.parser import HeadParser
from sidecar.proxy.plan import SMALL, Plan, Refusal, may_take_time
from sidecar.repeats import Repeats
from sidecar.shapes import Shape, is_kept

# 13 MiB at worst, 3 of heads with ten lines (tracemalloc, CPython 3.11); in each process.
_KEPT = 512
_SEEN = 4096


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
        self._plans = Repeats[bytes, Plan](_KEPT, _SEEN)
        self._likenesses = Repeats[Shape, Likeness](_KEPT, _SEEN)

    def parser(self) -> HeadParser:
        return HeadParser(self._protocol, self._loop)

    def parse(self, raw: bytes) -> RawRequestMessage:
        """Raises SidecarError for what is not one whole head."""
        message = self.parser().feed(raw)
        if message is None:
            raise BadRequest("this is not a valid HTTP/1.1 request")
        return message

    def plan(self, raw: bytes) -> Plan:
        """The plan for a complete head, which ends with its empty line."""
        plan = self._plans.get(raw)
        if plan is not None:
            return plan
        if not is_kept(raw):
            return self._make(raw)
        shape, values = REQUEST_SHAPES.cut(raw)
        likeness = self._likenesses.get(shape)
        if likeness is not None:
            head = likeness.head_with(values, self._vocabulary)
            plan = self._decide(raw, None, head, likeness.route, keep_alive=likeness.keep_alive)
        else:
            plan = self._make(raw)
            if self._likenesses.is_second(shape):
                self._keep_likeness(plan, shape, values)
        if not plan.is_handshake and self._plans.is_second(raw):
            self._plans.keep(raw, plan)
        return plan

    def refused(self, error: SidecarError, message: RawRequestMessage | None = None) -> Plan:
        """The plan for a head that is not accepted."""
        path = message.path.partition("?")[0] if message is not None else "-"
        refusal = _refusal(self._dialects[-1].voice, error)
        return Plan(message, None, None, None, refusal, path)

    def _make(self, raw: bytes) -> Plan:
        message = None
        try:
            message = self.parse(raw)
            head = self._examine(message)
        except SidecarError as error:
            return self.refused(error, message)
        route = self._route(head)
        return self._decide(raw, message, head, route, keep_alive=not message.should_close)

    def _decide(
        self,
        raw: bytes,
        message: RawRequestMessage | None,
        head: Head,
        route: Route,
        *,
        keep_alive: bool,
    ) -> Plan:
        intent, refusal = None, None
        length = head.content_length or 0
        try:
            if length > self._body_max:
                raise BodyTooLarge("the body is larger than SIDECAR_REQUEST_BODY_MAX allows")
            intent = route.dialect.decide(head, route)
        except SidecarError as error:
            refusal = _refusal(route.voice, error)
        is_plain = _is_plain(head, route, intent)
        return Plan(
            message,
            head,
            route,
            intent,
            refusal,
            head.path,
            raw,
            is_plain and not (self._slow_sessions and may_take_time(intent)),
            keep_alive,
            -1 if head.chunked else length,
            streams=not isinstance(intent, Peek) and (head.chunked or length > SMALL),
        )

    def _keep_likeness(self, plan: Plan, shape: Shape, values: Sequence[bytes]) -> None:
        if plan.head is None or plan.route is None:
            return
        likeness = Likeness.of(
            plan.head,
            plan.route,
            keep_alive=plan.keep_alive,
            shape=shape,
            values=values,
            vocabulary=self._vocabulary,
        )
        if likeness is not None:
            self._likenesses.keep(shape, likeness)

    def _route(self, head: Head) -> Route:
        for dialect in self._dialects:
            route = dialect.route(head)
            if route is not None:
                return route
        raise AssertionError("the last dialect has a route for every request")

    def _examine(self, message: RawRequestMessage) -> Head:
        version = (message.version.major, message.version.minor)
        return examine(message.method, message.path, version, message.raw_headers, self._vocabulary)


def _is_plain(head: Head, route: Route, intent: Intent | None) -> bool:
    """Nothing but bytes to relay: no handshake, no rewording, no peek into an open end."""
    voice = route.voice
    return (
        head.http11
        and not (head.expects_continue or head.websocket or head.upgrades)
        and not (isinstance(intent, Peek) and head.chunked)
        and not isinstance(intent, Serve)
        and voice.encoder is None
        and voice.engine_error is None
        and route.lines is None
    )


def _refusal(voice: Voice, error: SidecarError) -> Refusal:
    return Refusal(voice.refuse(error), error.message)
