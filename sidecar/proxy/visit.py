"""One request in the aiohttp lane, from its plan to its answer."""

from sidecar.dialects.intent import Answer, Begin, Intent, Peek, Serve, Use, Within
from sidecar.proxy.action import act
from sidecar.proxy.api import serve
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import Sent
from sidecar.proxy.forwarding import Forwarding
from sidecar.proxy.house import House
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.plan import Plan
from sidecar.sessions.order import Order


class Visit:
    def __init__(self, house: House, plan: Plan, body: RequestBody, outgoing: Outgoing) -> None:
        assert plan.route is not None and plan.head is not None
        self._house = house
        self._plan = plan
        self._route = plan.route
        self._head = plan.head
        self._body = body
        self._outgoing = outgoing
        self._turn = outgoing.turn
        self._forwarding = Forwarding(house, plan.head, plan.route, body, outgoing)

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
        if isinstance(intent, Serve):
            self._turn.intent = intent.name
            spans = self._house.spans
            return await serve(intent, self._head, self._body, self._outgoing, spans)
        if isinstance(intent, Within):
            self._turn.intent = intent.name
            async with intent.hold() as session:
                return await self._forwarding.run_at(self._house.replicas.of(session))
        return await self._carry_out(intent)

    async def _peek(self, limit: int) -> Intent:
        useless = self._route.dialect.cannot_be_control
        return self._plan.intent_with(await self._body.peek(limit, useless))

    async def _carry_out(self, intent: Intent) -> Sent:
        origin = self._forwarding.request(self._body.known)
        outcome = await act(self._house, intent, self._route, self._turn, origin)
        if isinstance(outcome, Answer):
            return await self._outgoing.say(outcome)
        if isinstance(intent, Use) and self._house.order is not None:
            return await self._in_order(self._house.order, intent.session_id)
        return await self._forwarding.run(outcome, is_new=isinstance(intent, Begin))

    async def _in_order(self, order: Order, session_id: str) -> Sent:
        """The session is asked for again when its turn has come: the request before may have
        changed what it holds, or ended it."""
        async with order.turn(session_id):
            session = await self._house.store.get(session_id, self._route.owner)
            return await self._forwarding.run(session)
