"""Places to keep sessions in, on a real tmpfs, emptied after each test."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.sessions.contract import PLACES, Place, TmpfsPlace


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        yield Path(path)


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, scratch: Path) -> AsyncIterator[Place]:
    place = PLACES[request.param](scratch / "sessions")
    yield place
    await place.leave()


@pytest.fixture
async def tmpfs(scratch: Path) -> AsyncIterator[TmpfsPlace]:
    place = TmpfsPlace(scratch / "sessions")
    yield place
    await place.leave()
