"""A sidecar that does not start leaves nothing: no process, no directory."""

import asyncio

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually

NOWHERE = "http://127.0.0.1:9"


async def test_a_start_that_fails() -> None:
    sidecar = SidecarProcess(NOWHERE, SIDECAR_SESSIONS_TTL="no time")
    with pytest.raises(RuntimeError, match=r"did not start: .*SIDECAR_SESSIONS_TTL"):
        await sidecar.__aenter__()
    assert sidecar.process.returncode == 2
    assert not sidecar.sessions_path.parent.exists()


async def test_a_start_that_is_given_up() -> None:
    sidecar = SidecarProcess(NOWHERE)
    starting = asyncio.create_task(sidecar.__aenter__())
    assert await eventually(lambda: hasattr(sidecar, "process"))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert sidecar.process.returncode == -9
    assert not sidecar.sessions_path.parent.exists()
