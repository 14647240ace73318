"""Makes the connections of the aiohttp lane and, once a second, ends those that are too slow."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sidecar.dialects.intent import Answer
from sidecar.errors import ClientTooSlow, Overloaded, SidecarError
from sidecar.proxy.client import ClientConnection, reset
from sidecar.proxy.framing import Framer
from sidecar.proxy.pace import Limits, Pace
from sidecar.proxy.plan import Plan, Planner
from sidecar.proxy.wire import answer_bytes
from sidecar.turn import Turn


class ClientServer(web.Server):
    """refuse: how an error is worded for a client of which no request is known yet."""

    def __init__(
        self,
        handler: Any,
        planner: Planner,
        *,
        connections_max: int,
        limits: Limits,
        refuse: Callable[[SidecarError], Answer],
        on_turn: Callable[[Turn], None],
        keepalive_timeout: float,
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=keepalive_timeout,
            lingering_time=0,
        )
        self.refuse = refuse
        self._planner = planner
        self._connections_max = connections_max
        self._limits = limits
        self._on_turn = on_turn

    def __call__(self) -> web.RequestHandler:
        return ClientConnection(
            self, Framer(self._planner), Pace(), loop=self._loop, **self._kwargs
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > self._connections_max:
            error = Overloaded("the sidecar has all the connections it may have: try again")
            transport.write(answer_bytes(self.refuse(error), close=True))
            assert isinstance(handler, ClientConnection)
            handler.end()

    def note_refused(self, connection: ClientConnection, plan: Plan) -> None:
        turn = Turn(plan.method, plan.path, connection.client)
        if plan.refusal is not None:
            turn.status, turn.error = plan.refusal.answer.status, plan.refusal.error
        self._on_turn(turn)

    def end_slow_clients(self) -> None:
        now = time.monotonic()
        for connection in self.connections:
            assert isinstance(connection, ClientConnection)
            if connection.transport is not None:
                self._check(connection, connection.transport, now)

    def _check(
        self, connection: ClientConnection, transport: asyncio.Transport, now: float
    ) -> None:
        pace = connection.pace
        if pace.ending_is_over(now):
            transport.abort()
        elif pace.reader_is_late(now, self._limits):
            reset(transport)
        elif pace.head_is_late(now, self._limits):
            transport.close()
        elif pace.body_is_late(now, self._limits, we_paused=connection._reading_paused):
            connection.fail_body(ClientTooSlow("the request body came too slowly"))
