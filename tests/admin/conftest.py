"""The session routes over real sockets, on a real store."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from sidecar.admin.guard import from_our_own_page
from sidecar.admin.sessions import session_routes
from sidecar.engine.keeper import StoreKeeper
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock

Client = TestClient[Request, Application]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def store(clock: MovedClock) -> AsyncIterator[TmpfsStore]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        store = TmpfsStore(Root(Path(path) / "sessions"), clock=clock, ttl_limit=3600.0)
        yield store
        await store.stop()


@pytest.fixture
async def client(store: TmpfsStore) -> AsyncIterator[Client]:
    application = Application(middlewares=[from_our_own_page])
    application.add_routes(session_routes(store, StoreKeeper(store, 60, pins=False)))
    async with TestClient(TestServer(application, host="127.0.0.1")) as client:
        yield client
