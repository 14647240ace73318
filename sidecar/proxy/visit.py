"""One request in the aiohttp lane, from its plan to its answer."""

import time

from sidecar.dialects.intent import Answer, Begin, Intent, Peek
from sidecar.engine.exchange import Exchange
from sidecar.head import Head
from sidecar.proxy.action import act, forget, is_announced
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import Sent
from sidecar.proxy.house import House
from sidecar.proxy.inject import with_session_id
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.plan import Plan
from sidecar.proxy.relay import Relay
from sidecar.proxy.tunnel import tunnel
from sidecar.proxy.wire import request_head
from sidecar.sessions.session import Session


class Visit:
    def __init__(
        self, house: House, plan: Plan, head: Head, body: RequestBody, outgoing: Outgoing
    ) -> None:
        assert plan.route is not None
        self.route = plan.route
        self._house = house
        self._plan = plan
        self._head = head
        self._body = body
        self._outgoing = outgoing
        self._turn = outgoing.turn
        self._begun: Session | None = None  # made for this request, and not announced yet

    async def serve(self) -> Sent:
        """Raises a SidecarError that is still to be worded for the client."""
        if not self._head.expects_continue:  # or else its sender may be spared the body
            await self._body.read_small()
        refusal = self._plan.refusal
        if refusal is not None:
            self._turn.error = refusal.error
            return await self._outgoing.say(refusal.answer)
        intent = self._plan.intent
        assert intent is not None
        if isinstance(intent, Peek):
            self._turn.intent = "undecided"
            intent = await self._peek(intent.limit)
        outcome = await act(self._house, intent, self.route.voice, self._turn)
        if isinstance(outcome, Answer):
            return await self._outgoing.say(outcome)
        self._begun = outcome if isinstance(intent, Begin) else None
        try:
            return await self._forward(outcome)
        finally:
            if self._begun is not None:
                await forget(self._house, self._begun)

    async def _peek(self, limit: int) -> Intent:
        dialect = self._house.dialect
        whole = await self._body.peek(limit, dialect.cannot_be_control)
        return self._plan.intent_with(whole, dialect)

    async def _forward(self, session: Session | None) -> Sent:
        body, length = await self._read_body(session)
        engine = self._house.engine
        exchange = Exchange(engine, await engine.connection())
        exchange.on_interim = self._outgoing.pass_interim
        try:
            exchange.start(
                self._engine_head(session, length) + (body or b""),
                bodyless=self._head.method == "HEAD",
                upgrade=self._head.websocket,
            )
            self._turn.forwarded = time.monotonic()
            if body is None:
                self._body.start_upload(exchange)
            else:
                exchange.finish_request()
            return await self._relay(exchange)
        finally:
            self._body.stop_upload()
            exchange.abort()

    async def _relay(self, exchange: Exchange) -> Sent:
        reply = await exchange.head(self._house.settings.engine_response_timeout)
        self._turn.status, self._turn.first_byte = reply.status, time.monotonic()
        announcement = self._announcement(reply.status)
        if reply.status == 101:
            return await tunnel(self._outgoing, exchange, reply, announcement)
        relay = Relay(self._outgoing, self.route.voice, exchange)
        may_keep = self._outgoing.may_keep and self._body.is_sent
        return await relay.run(reply, announcement, may_keep=may_keep)

    def _announcement(self, status: int) -> bytes:
        session = self._begun
        if session is None or not is_announced(status):
            return b""
        self._begun = None
        return self._house.dialect.announcement(session)

    async def _read_body(self, session: Session | None) -> tuple[bytes | None, int | None]:
        """The body, or None when it is streamed; and its length if it was rewritten."""
        settings = self._house.settings
        path = settings.session_body_path
        if session is None or path is None or not self._body.is_json:
            return await self._body.read_small(), None
        body = with_session_id(await self._body.read(settings.body_limit), path, session.id)
        return body, len(body)

    def _engine_head(self, session: Session | None, length: int | None) -> bytes:
        route = self.route
        return request_head(
            self._head,
            route.target,
            route.lines if route.lines is not None else self._head.lines,
            self._house.dialect.session_line(session) if session is not None else b"",
            host=self._house.engine.host_header,
            length=length,
        )
