"""The aiohttp lane: the reference for how a request is served.

plan (of its head) -> [peek at its body, decide again] -> store -> forward -> relay
"""

import asyncio

from aiohttp import web

from sidecar.errors import SidecarError
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import ClientConnection, Sent
from sidecar.proxy.house import House
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.visit import Visit
from sidecar.turn import Turn


class Lane:
    """The handler that aiohttp's server calls, once per request."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, ClientConnection)
        plan = connection.plan
        assert plan is not None
        turn = plan.turn(connection.client, self._house.spans)
        try:
            sent = await self._serve(request, connection, turn)
        except asyncio.CancelledError:
            turn.left = True
            raise
        except ConnectionError:  # writing told it before the loop did
            turn.left = True
            return Sent(keep_alive=False)
        finally:
            turn.bytes_in = connection.body_received
            self._house.on_turn(turn)
        if sent.keep_alive:
            connection.request_done()
        return sent

    async def _serve(
        self, request: web.BaseRequest, connection: ClientConnection, turn: Turn
    ) -> Sent:
        plan = connection.plan
        assert plan is not None and plan.head is not None and plan.route is not None
        outgoing = Outgoing(connection, request, plan, turn, self._house.life)
        limit = self._house.settings.request_body_max
        body = RequestBody(connection, request, plan.head, limit)
        try:
            return await Visit(self._house, plan, body, outgoing).serve()
        except SidecarError as error:
            turn.error = error.message
            if outgoing.has_begun:
                return outgoing.break_off()
            return await outgoing.say(plan.route.voice.refuse(error))
