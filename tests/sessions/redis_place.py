"""The store of a fleet, on a redis-server or a valkey-server whose clock the test moves.

Apart from contract.py, since redis-py takes long to import, and victim.py is started hundreds of
times.
"""

from sidecar.config.store_address import store_address
from sidecar.sessions.fleet.make import make_fleet_store
from sidecar.sessions.fleet.store import FleetStore
from tests.harness.clock import MovedClock
from tests.sessions.contract import Place
from tests.sessions.redis_server import RedisServer

# What is tested here is no outage: a machine that stands still for a second must not make one.
_ANSWER_LIMIT = 60.0


class ServerClock(MovedClock):
    """The server's. The sidecars' own may be set to whatever one likes: nobody asks them."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self._server = server
        self._server_wall = super().wall()
        server.set_time(self._server_wall)

    def wall(self) -> float:
        return self._server_wall

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._server_wall += seconds
        self._server.set_time(self._server_wall)

    def advance_to(self, wall: float) -> None:
        self.advance(wall - self._server_wall)


class RedisPlace(Place):
    """`server`: one whose clock is moved."""

    def __init__(self, server: RedisServer) -> None:
        server.command("FLUSHALL")
        self.server = server
        self.clock = ServerClock(server)
        self._stores: list[FleetStore] = []

    def store(self, max_sessions: int | None = None) -> FleetStore:
        address = store_address(f"unix://{self.server.socket}")
        store = make_fleet_store(
            address, prefix="sidecar", max_sessions=max_sessions, answer_limit=_ANSWER_LIMIT
        )
        self._stores.append(store)
        return store

    async def sweep(self) -> None:
        for _ in range(2):
            for store in self._stores:
                while await store.sweep.tick():
                    pass


def fleet_store(url: str, prefix: str = "sidecar") -> FleetStore:
    """As the sidecar's own: what does not answer in time is away."""
    return make_fleet_store(store_address(url), prefix=prefix)
