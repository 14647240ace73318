"""Makes the connections of the aiohttp lane."""

from typing import Any

from aiohttp import web

from sidecar.dialects.intent import Answer
from sidecar.errors import SidecarError
from sidecar.proxy.client import ClientConnection
from sidecar.proxy.connections import Connections
from sidecar.proxy.framing import Framer
from sidecar.proxy.house import House
from sidecar.proxy.pace import Pace
from sidecar.proxy.plan import Plan
from sidecar.proxy.planner import Planner


class ClientServer(web.Server):
    def __init__(
        self, handler: Any, house: House, planner: Planner, connections: Connections
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=house.settings.keepalive_timeout,
            lingering_time=0,
        )
        self.connections_of_both = connections
        self._house = house
        self._planner = planner

    def __call__(self) -> web.RequestHandler:
        return ClientConnection(
            self, Framer(self._planner), Pace(), loop=self._loop, **self._kwargs
        )

    def refuse(self, error: SidecarError) -> Answer:
        """How a fault is worded where no request is known."""
        return self._house.voice.refuse(error)

    def note_refused(self, connection: ClientConnection, plan: Plan) -> None:
        turn = plan.turn(connection.client, self._house.spans)
        if plan.refusal is not None:
            turn.status, turn.error = plan.refusal.answer.status, plan.refusal.error
        self._house.on_turn(turn)
