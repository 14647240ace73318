"""An engine that records, and a bench for any preset in front of it."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delegation.bench import Bench, preset_of
from tests.harness.recording_engine import RecordingEngine
from tests.sessions.contract import TmpfsPlace

Make = Callable[..., Bench]


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        yield Path(path)


@pytest.fixture
async def engine() -> AsyncIterator[RecordingEngine]:
    async with RecordingEngine() as engine:
        yield engine
        assert engine.strays == []
        assert [record.faults for record in engine.records if record.faults] == []


@pytest.fixture
async def place(scratch: Path) -> AsyncIterator[TmpfsPlace]:
    place = TmpfsPlace(scratch / "sessions")
    yield place
    await place.leave()


@pytest.fixture
async def bench(scratch: Path, place: TmpfsPlace, engine: RecordingEngine) -> AsyncIterator[Make]:
    """Each call is one more process with that preset; they share the place."""
    made: list[Bench] = []

    def make(
        tree: dict[str, Any] | str,
        *ports: int,
        sessions_max: int | None = None,
        **given: Any,
    ) -> Bench:
        preset = preset_of(scratch, tree, **given)
        bench = Bench(preset, place, *(ports or (engine.port,)), sessions_max=sessions_max)
        made.append(bench)
        return bench

    yield make
    for each in made:
        await each.stop()
