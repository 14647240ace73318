"""What a killed process left half-made or half-deleted goes; what is being made does not."""

import asyncio
import time
import uuid
from pathlib import Path

import pytest

from sidecar.sessions.layout import Marker
from sidecar.sessions.leftovers import Leftovers
from tests.harness.watch import Watch
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.gone import gone


def leftover(place: TmpfsPlace, prefix: str, *, engine_file: bool = False) -> Path:
    path = place.path / f"{prefix}{uuid.uuid4()}"
    path.mkdir(0o700)
    (path / ".sidecar-00000000").touch()
    if engine_file:
        (path / "cache").mkdir()
        (path / "cache" / "key").write_text("{}")
    return path


async def test_what_a_killed_process_left_is_gone_half_a_second_after_the_start(
    tmpfs: TmpfsPlace,
) -> None:
    former = tmpfs.store()
    kept = await former.open(60)
    await tmpfs.stop(former)
    paths = [leftover(tmpfs, ".tmp-"), leftover(tmpfs, ".del-", engine_file=True)]
    paths.append(leftover(tmpfs, ".tmp-", engine_file=True))
    store = tmpfs.store()
    watch = Watch()
    await store.start()
    for path in paths:
        await gone(path, 5)
    assert watch.worked() < 0.5, watch
    assert (await store.get(kept.id)).id == kept.id


async def test_what_another_process_is_making_right_now_is_not_hit(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    await asyncio.sleep(0.02)
    path = leftover(tmpfs, ".tmp-")
    sweep(store)
    assert path.exists()


@pytest.mark.parametrize("age", [120.0, -7200.0], ids=["old", "made-before-a-clock-was-set-back"])
async def test_half_made_ones_are_found_later_too(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    store = tmpfs.store()
    await asyncio.sleep(0.02)
    sweep(store)
    path = leftover(tmpfs, ".tmp-")
    # ctime cannot be set, so the kernel's clock is moved where it is read.
    later = time.time() + age
    monkeypatch.setattr("sidecar.sessions.leftovers.time.time", lambda: later)
    tmpfs.clock.advance(61)
    sweep(store)
    assert not path.exists()


async def test_a_maker_whose_directory_was_taken_makes_another(tmpfs: TmpfsPlace) -> None:
    """A process that starts with a clock set forward takes our half-made one for abandoned."""
    store, rival = tmpfs.store(), tmpfs.store()
    layout, mark = store.sweep.layout, store.sweep.layout._mark

    def mark_and_lose(making: str, marker: Marker) -> None:
        mark(making, marker)
        layout._mark = mark  # type: ignore[method-assign]
        rival.sweep.removal.delete(Leftovers(rival.sweep.layout).take(making))

    layout._mark = mark_and_lose  # type: ignore[method-assign]
    opened = await store.open(60)
    assert (await rival.get(opened.id)).id == opened.id
    assert tmpfs.names() == {opened.id}
