"""Makes the express lane's connections, and hands over those whose next request is not plain."""

from sidecar.proxy.connections import Connections
from sidecar.proxy.express.connection import ExpressConnection
from sidecar.proxy.framing import Framer
from sidecar.proxy.house import House
from sidecar.proxy.planner import Planner
from sidecar.proxy.server import ClientServer


class ExpressServer:
    def __init__(
        self, house: House, planner: Planner, connections: Connections, aiohttp_lane: ClientServer
    ) -> None:
        self.connections = connections
        self._house = house
        self._planner = planner
        self._aiohttp_lane = aiohttp_lane

    def __call__(self) -> ExpressConnection:
        return ExpressConnection(self, self._house, Framer(self._planner))

    def hand_over(self, client: ExpressConnection, data: bytes) -> None:
        """From now on the aiohttp lane has this connection; `data` is what it has not seen yet."""
        transport, client.transport = client.transport, None
        self.connections.discard(client)
        if transport is None:
            return
        handler = self._aiohttp_lane()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(data)
