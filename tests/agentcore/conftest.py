"""Where the memory of these tests is kept, and what stands behind the sidecar."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.stage import Calls, Stage
from tests.harness.clock import MovedClock
from tests.sessions.conftest import moved_redis, scratch
from tests.sessions.redis_place import RedisPlace

__all__ = ["moved_redis", "scratch"]


@pytest.fixture
async def stage(request: pytest.FixtureRequest, scratch: Path) -> AsyncIterator[Stage]:
    """On tmpfs, unless its parameter says `redis`."""
    if getattr(request, "param", "tmpfs") == "redis":
        place = RedisPlace(request.getfixturevalue("moved_redis"))
        yield Stage(place.clock, place.store())
        await place.leave()
        return
    clock = MovedClock()
    store = TmpfsStore(Root(scratch / "memory"), clock=clock, ttl_limit=LIFETIME)
    yield Stage(clock, store)
    await store.stop()


@pytest.fixture
async def memory(stage: Stage) -> AsyncIterator[Calls]:
    async with stage.calls() as calls:
        yield calls


@pytest.fixture
async def engine() -> AsyncIterator[str]:
    """One that answers everything, with the path that it was asked."""

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"engine": request.path})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")
