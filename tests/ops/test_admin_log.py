"""What the admin port says in the log: its own faults, and nothing of what strangers send."""

import tempfile
from pathlib import Path

import pytest

from sidecar.admin.server import start_admin
from sidecar.config import load
from sidecar.engine.keeper import StoreKeeper
from sidecar.headers import Vocabulary
from sidecar.life import Life
from sidecar.ops.figures import Figures
from sidecar.parts import make_replicas
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.life.asking import get, once

METRICS = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_what_is_not_http_is_refused_without_a_word() -> None:
    async with SidecarProcess("http://127.0.0.1:9") as sidecar:
        for raw in (b"GET /config?key=secret x HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"):
            assert (await once(sidecar.admin_port, raw)).status == 400
        await once(sidecar.port, get(b"/behind"))
        assert await eventually(lambda: any(line.get("path") == "/behind" for line in sidecar.log))
        assert "secret" not in str(sidecar.log)
        assert not any(line["level"] == "error" for line in sidecar.log)


async def test_a_fault_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> Figures:
        raise ZeroDivisionError

    def nothing() -> None: ...

    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        settings = load({"SIDECAR_ADMIN_PORT": "0"})
        store = TmpfsStore(Root(Path(path) / "sessions"), clock=MovedClock(), ttl_limit=60.0)
        replicas = make_replicas(settings, Vocabulary(None))
        keeper = StoreKeeper(store, 60, pins=False)
        admin = await start_admin(settings, replicas, store, keeper, Life(), fail, nothing)
        assert admin is not None
        answer = await once(admin.addresses[0][1], METRICS)
        await admin.cleanup()
        await store.stop()
    assert answer.status == 500
    assert "ZeroDivisionError" in caplog.text
