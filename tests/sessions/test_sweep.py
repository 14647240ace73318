"""The janitor: nothing that ended stays, nothing that lives goes, whoever made it and died."""

import asyncio
import logging
import os
import time
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.errors import SessionNotFound
from sidecar.sessions.root import Root
from sidecar.sessions.sweep import RESCAN_CHANGED, RETRY
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.watch import Watch
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.gone import ended, gone

LIMIT = 8.0


async def test_an_expired_session_goes_without_any_traffic(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    ids = [(await store.open(60)).id for _ in range(3)]
    kept = await store.open(120)
    (tmpfs.path / ids[0] / "key").write_text("{}")
    sweep(store)
    tmpfs.clock.advance(61)
    sweep(store)
    assert tmpfs.names() == {kept.id}
    assert store.counts().expired == 3


async def test_the_background_does_it_in_time_by_itself(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    await store.start()
    opened = await store.open(60)
    tmpfs.clock.advance(61)
    assert await gone(tmpfs.path / opened.id, LIMIT) < 3


async def test_on_the_real_clocks_a_session_of_one_second_is_gone_in_time(scratch: Path) -> None:
    store = TmpfsStore(Root(scratch / "sessions"), clock=SystemClock(), ttl_limit=60)
    await store.start()
    opened = await store.open(1.5)
    assert (await store.get(opened.id)).expires == pytest.approx(opened.expires, abs=0.002)
    await gone(scratch / "sessions" / opened.id, LIMIT)
    assert time.time() >= opened.expires - 0.01
    await store.stop()


async def test_what_an_engine_left_is_deleted_right_after_the_close(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    await store.start()
    opened = await store.open(60)
    await asyncio.sleep(0.05)
    for number in range(2_000):
        (tmpfs.path / opened.id / f"key-{number}").touch()
    await store.close(opened.id)
    assert await gone(ended(tmpfs, opened.id), 5) < 0.5


async def test_one_that_another_process_prolonged_is_kept(tmpfs: TmpfsPlace) -> None:
    store, other = tmpfs.store(), tmpfs.store()
    opened = await store.open(60)
    sweep(store)
    layout = other.sweep.layout
    layout.set_end(opened.id, layout.read(opened.id).end + 60)
    tmpfs.clock.advance(61)
    sweep(store)
    assert (await store.get(opened.id)).id == opened.id
    tmpfs.clock.advance(61)
    sweep(store)
    assert tmpfs.names() == set()


async def test_the_janitor_adopts_what_another_process_made(tmpfs: TmpfsPlace) -> None:
    janitor, other = tmpfs.store(), tmpfs.store()
    sweep(janitor)
    await other.open(30)
    await tmpfs.stop(other)
    tmpfs.clock.advance(RESCAN_CHANGED)
    sweep(janitor)
    tmpfs.clock.advance(31 - RESCAN_CHANGED)
    sweep(janitor)
    assert tmpfs.names() == set()


async def test_equal_numbers_hide_a_session_for_a_minute_at_most(tmpfs: TmpfsPlace) -> None:
    janitor, other = tmpfs.store(), tmpfs.store()
    first = await janitor.open(120)
    sweep(janitor)
    await other.close(first.id)
    await other.open(90)
    await tmpfs.stop(other)
    tmpfs.clock.advance(61)
    sweep(janitor)
    tmpfs.clock.advance(30)
    sweep(janitor)
    assert tmpfs.names() == set()


async def test_another_process_takes_over_when_the_janitor_is_gone(tmpfs: TmpfsPlace) -> None:
    janitor, heir = tmpfs.store(), tmpfs.store()
    await janitor.open(30)
    sweep(janitor)
    sweep(heir)
    await tmpfs.stop(janitor)
    tmpfs.clock.advance(31)
    sweep(heir)
    assert tmpfs.names() == set()


async def test_each_process_sweeps_its_own_without_being_the_janitor(tmpfs: TmpfsPlace) -> None:
    janitor, other = tmpfs.store(), tmpfs.store()
    sweep(janitor)
    await other.open(60)
    tmpfs.clock.advance(61)
    sweep(other)
    assert tmpfs.names() == set()


async def test_no_listing_is_made_while_nothing_changes(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmpfs.store()
    sweep(store)
    closed = [await store.open(60) for _ in range(5)]
    await store.close(closed[0].id)
    (tmpfs.path / closed[1].id / "key").touch()
    await store.close(closed[1].id)

    def refuse(root: Root) -> None:
        raise AssertionError("listed")

    monkeypatch.setattr("sidecar.sessions.scan.names", refuse)
    for _ in range(10):
        tmpfs.clock.advance(RESCAN_CHANGED)
        sweep(store)


async def test_a_tick_ends_after_its_budget_and_says_that_there_is_more(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    for _ in range(300):
        await store.open(60)
    assert store.sweep.tick(budget=0)
    tmpfs.clock.advance(61)
    began, ticks = time.perf_counter(), 0
    while store.sweep.tick(budget=0.001):
        ticks += 1
    assert tmpfs.names() == set()
    assert ticks >= 3
    assert time.perf_counter() - began < 5


async def test_one_bad_entry_does_not_stop_the_rest(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmpfs.store()
    ids = [(await store.open(60)).id for _ in range(3)]
    sweep(store)
    rename = os.rename

    def fail_for_one(old: str, new: str, **rest: int) -> None:
        if old == ids[0]:
            raise OSError(5, "Input/output error")
        rename(old, new, **rest)

    with monkeypatch.context() as broken:
        broken.setattr("sidecar.sessions.layout.os.rename", fail_for_one)
        for _ in range(3):
            tmpfs.clock.advance(61)
            sweep(store)
        assert tmpfs.names() == {ids[0]}
        with pytest.raises(SessionNotFound):
            await store.get(ids[0])
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    tmpfs.clock.advance(RETRY + 1)
    sweep(store)
    assert tmpfs.names() == set()


async def test_the_background_survives_whatever_a_tick_raises(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    monkeypatch.setattr("sidecar.sessions.background.IDLE", 0.01)
    with monkeypatch.context() as broken:

        def fail(_: int) -> os.stat_result:
            raise OSError(5, "Input/output error")

        broken.setattr("sidecar.sessions.root.os.fstat", fail)
        await store.start()
        await asyncio.sleep(0.2)
    tmpfs.clock.advance(61)
    await gone(tmpfs.path / opened.id, 5)
    assert len(caplog.records) == 1


async def test_stopping_is_quick_and_leaves_no_descriptor(tmpfs: TmpfsPlace) -> None:
    before = len(os.listdir("/proc/self/fd"))
    store = tmpfs.store()
    for _ in range(1_000):
        await store.open(60)
    await store.start()
    watch = Watch()
    await tmpfs.stop(store)
    assert watch.worked() < 0.5, watch
    assert len(os.listdir("/proc/self/fd")) == before
