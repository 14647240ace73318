"""Where the memory of these tests is kept: on a real tmpfs, emptied after each test."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.stage import Calls, Stage
from tests.harness.clock import MovedClock


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        yield Path(path)


@pytest.fixture
async def stage(scratch: Path) -> AsyncIterator[Stage]:
    clock = MovedClock()
    store = TmpfsStore(Root(scratch / "memory"), clock=clock, ttl_limit=LIFETIME)
    yield Stage(clock, store)
    await store.stop()


@pytest.fixture
async def memory(stage: Stage) -> AsyncIterator[Calls]:
    async with stage.calls() as calls:
        yield calls
