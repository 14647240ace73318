"""A server of each kind that a test may hurt, and a store on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sidecar.sessions.fleet.store import FleetStore
from tests.sessions.redis_place import fleet_store
from tests.sessions.redis_server import RedisServer


@pytest.fixture(params=["redis", "valkey"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, kind=request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[FleetStore]:
    store = fleet_store(server.url)
    yield store
    await store.stop()
