"""Readiness looks at the store with the eyes of a request."""

import os
import tempfile
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application

from sidecar.admin.health import health_routes
from sidecar.config import load
from sidecar.engine.replicas import Replicas
from sidecar.headers import Vocabulary
from sidecar.life import Life
from sidecar.parts import make_replicas
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock


def ready_engine() -> Replicas:
    replicas = make_replicas(load({}), Vocabulary(None))
    replicas.engines[0].ready = True
    return replicas


async def test_a_store_that_cannot_be_read() -> None:
    """A descriptor that is no directory any more stands for any error but 'not found'."""
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        root = Root(Path(path) / "sessions")
        store = TmpfsStore(root, clock=MovedClock(), ttl_limit=60.0)
        application = Application()
        application.add_routes(health_routes(ready_engine(), store, Life()))
        async with TestClient(TestServer(application, host="127.0.0.1")) as client:
            assert (await client.get("/readyz")).status == 200
            os.close(root.fd)
            answer = await client.get("/readyz?verbose")
            root.fd = os.open(path, os.O_RDONLY)
            assert answer.status == 503
            said = await answer.json()
            assert said["checks"]["store"].startswith("Failed to read session")
            assert said["reason"] == said["checks"]["store"] and said["checks"]["engine"] == "ok"
            assert (await client.get("/livez")).status == 200
        await store.stop()
