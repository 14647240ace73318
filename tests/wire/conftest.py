"""One recording engine and one sidecar for each module; paths and clients for each test."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import RecordingEngine

_numbers = count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[RecordingEngine]:
    async with RecordingEngine() as engine:
        yield engine
    assert engine.strays == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar(engine: RecordingEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(engine.url) as sidecar:
        yield sidecar
        await sidecar.stop()
    assert sidecar.errors == ""


@pytest_asyncio.fixture(loop_scope="module")
async def client(sidecar: SidecarProcess) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(sidecar.port) as client:
        yield client


@pytest.fixture
def path() -> bytes:
    """A path that no other test uses: the engine's records and behaviours go by it."""
    return b"/test/%d" % next(_numbers)
