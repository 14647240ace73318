"""What stands behind the sidecar, and a place for programs."""

from collections.abc import AsyncIterator

import pytest

from tests.inferencesh.worker import Worker


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    async with Worker() as made:
        yield made
