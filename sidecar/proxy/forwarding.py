"""A request's way to the engine and the reply's way back, in the aiohttp lane."""

import time

from sidecar.dialects.intent import Route
from sidecar.engine.companion import EngineForgot
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.request import EngineRequest
from sidecar.head import Head
from sidecar.proxy.action import is_announced
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import Sent
from sidecar.proxy.house import House
from sidecar.proxy.inject import with_session_id
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.relay import Relay
from sidecar.proxy.tunnel import tunnel
from sidecar.proxy.watches import Watches
from sidecar.proxy.way import REPINNED, find_way, settle
from sidecar.proxy.wire import request_head, untraced
from sidecar.sessions.session import Session

# An engine that is told by the end of its connection that nobody waits any more stops soon, or
# never: behind this the next request of the session need not wait for it.
_PARTING_SECONDS = 60.0


class Forwarding:
    def __init__(
        self, house: House, head: Head, route: Route, body: RequestBody, outgoing: Outgoing
    ) -> None:
        self._house = house
        self._head = head
        self._route = route
        self._body = body
        self._outgoing = outgoing
        self._turn = outgoing.turn
        self._begun: Session | None = None  # made for this request, and not announced yet
        self._is_announced = False  # by a head that is about to be written
        self._repinned = False

    def request(self, body: bytes | None) -> EngineRequest:
        """What the client sent, as far as it concerns the engine."""
        lines = self._head.lines if self._route.lines is None else self._route.lines
        return EngineRequest(self._head.method, self._route.target, lines, body)

    async def run(self, session: Session | None, *, is_new: bool = False) -> Sent:
        """Raises a SidecarError that is still to be worded for the client."""
        self._begun = session if is_new else None
        try:
            if session is None:
                return await self.run_at(self._house.replicas.place())
            return await self._run_session(session)
        finally:
            if not (self._is_announced and self._outgoing.has_begun):
                await self._forget()

    async def run_at(self, engine: Engine) -> Sent:
        """Without a session of ours. Raises a SidecarError that is still to be worded."""
        request = self.request(await self._body.read_small())
        return await self._send(engine, None, request, None, Watches())

    async def _run_session(self, session: Session) -> Sent:
        if self._begun is None and self._house.replicas.several:
            self._repinned = await settle(self._house, session)
        request = self.request(None)
        line = self._route.dialect.session_line(session)
        request.lines = [*request.lines, line] if line else [*request.lines]
        try:
            length = await self._read_body(session, request)
            watches = Watches()
            for companion in self._house.companions:
                watches.add(await companion.prepare(session, request))
            if length is not None and request.body is not None:
                length = len(request.body)
            engine = self._house.replicas.of(session)
            return await self._send(engine, session, request, length, watches)
        except EngineForgot:
            await self._house.keeper.forget(session.id)
            raise

    async def _read_body(self, session: Session, request: EngineRequest) -> int | None:
        """Its length, where it is no longer framed as it came."""
        house, body = self._house, self._body
        path = house.settings.session_body_path
        rewritten = path is not None and body.is_json
        read = [companion.reads(request) for companion in house.companions]
        if not (rewritten or any(read)):
            request.body = await body.read_small()
            return None
        request.body = await body.read(house.settings.body_limit)
        if path is not None and rewritten:
            request.body = with_session_id(request.body, path, session.id)
        return len(request.body)

    async def _send(
        self,
        engine: Engine,
        session: Session | None,
        request: EngineRequest,
        length: int | None,
        watches: Watches,
    ) -> Sent:
        is_new = self._begun is not None
        if self._house.spans is not None:
            request.lines = untraced(request.lines) + self._house.spans.onward(self._turn)
        engine, connection, moved = await find_way(self._house, engine, session, is_new=is_new)
        self._repinned = self._repinned or moved
        exchange = Exchange(engine, connection)
        exchange.on_interim = self._outgoing.pass_interim
        try:
            exchange.start(
                self._head_for(engine, request, length) + (request.body or b""),
                bodyless=self._head.method == "HEAD",
                upgrade=self._head.websocket,
            )
            self._turn.forwarded, self._turn.replica = time.monotonic(), engine.name
            if request.body is None:
                self._body.start_upload(exchange)
            else:
                exchange.finish_request()
            return await self._relay(exchange, watches)
        finally:
            self._body.stop_upload()
            if self._house.order is not None and self._turn.session is not None:
                await exchange.part(_PARTING_SECONDS)
            exchange.abort()

    async def _relay(self, exchange: Exchange, watches: Watches) -> Sent:
        reply = await exchange.head(self._house.settings.engine_response_timeout)
        self._turn.status, self._turn.first_byte = reply.status, time.monotonic()
        if self._house.spans is not None:
            self._house.spans.answered(self._turn, reply.status)
        announcement = await self._announcement(reply.status)
        if reply.status == 101:
            return await tunnel(self._outgoing, exchange, reply, announcement)
        relay = Relay(self._outgoing, self._route.voice, exchange, watches)
        may_keep = self._outgoing.may_keep and self._body.is_sent
        return await relay.run(reply, announcement, may_keep=may_keep)

    async def _announcement(self, status: int) -> bytes:
        session = self._begun
        if session is None:
            return REPINNED if self._repinned else b""
        is_reworded = status >= 400 and self._route.voice.engine_error is not None
        if is_reworded or not is_announced(status):
            await self._forget()  # before the client is told, so that it may try again
            return b""
        self._is_announced = True
        return self._route.dialect.announcement(session)

    async def _forget(self) -> None:
        if self._begun is not None:
            session, self._begun = self._begun, None
            await self._house.keeper.forget(session.id)

    def _head_for(self, engine: Engine, request: EngineRequest, length: int | None) -> bytes:
        return request_head(
            self._head, request.target, request.lines, host=engine.host_header, length=length
        )
