"""What is particular to the store on tmpfs: its inodes, its root, its neighbours."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound, StoreFailed, StoreUnavailable
from sidecar.sessions.counts import OPS
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock
from tests.sessions.contract import TTL_LIMIT, TmpfsPlace, sweep


def marker_of(path: Path) -> Path:
    (marker,) = (each for each in path.iterdir() if each.name.startswith(".sidecar-"))
    return marker


async def is_live(store: TmpfsStore, session_id: str) -> bool:
    try:
        await store.get(session_id)
    except SessionNotFound:
        return False
    return True


async def test_a_session_is_private_whatever_the_umask(tmpfs: TmpfsPlace) -> None:
    former = os.umask(0)
    try:
        store = tmpfs.store()
        path = tmpfs.path / (await store.open(60)).id
    finally:
        os.umask(former)
    assert stat.S_IMODE(tmpfs.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(marker_of(path).stat().st_mode) == 0o600


async def test_a_session_takes_no_page(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    before = os.statvfs(tmpfs.path).f_bfree
    path = tmpfs.path / (await store.open(60)).id
    assert [each.stat().st_blocks for each in (path, *path.iterdir())] == [0, 0]
    assert before >= os.statvfs(tmpfs.path).f_bfree - 64 * 1024


async def test_the_expiration_file_is_there_only_on_request(tmpfs: TmpfsPlace) -> None:
    plain, asked = tmpfs.store(), tmpfs.store(expiration_file=True)
    without = tmpfs.path / (await plain.open(60)).id
    opened = await asked.open(60)
    file = tmpfs.path / opened.id / ".expiration_ts"
    assert not (without / ".expiration_ts").exists()
    assert json.loads(file.read_text()) == opened.expires
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await asked.close(opened.id)
    assert tmpfs.names() == {without.name}


async def test_what_the_engine_keeps_in_a_session_goes_with_it(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    path = tmpfs.path / opened.id
    (path / "cache").mkdir()
    (path / "cache" / "turn-1").write_text("x" * 10_000)
    (path / "key").write_text("{}")
    assert await is_live(store, opened.id)
    sweep(store)
    assert sorted(each.name for each in path.iterdir() if each.name[0] != ".") == ["cache", "key"]
    await store.close(opened.id)
    assert not await is_live(store, opened.id)
    assert store.count() == 0
    sweep(store)
    assert tmpfs.names() == set()


async def test_a_key_of_the_engine_does_not_move_the_end(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    tmpfs.clock.advance(30)
    (tmpfs.path / opened.id / "key").write_text("{}")
    assert (await store.get(opened.id)).expires == opened.expires
    tmpfs.clock.advance(30)
    assert not await is_live(store, opened.id)


async def test_a_session_that_the_engine_deleted_is_gone(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    shutil.rmtree(tmpfs.path / opened.id)
    assert not await is_live(store, opened.id)
    with pytest.raises(SessionNotFound):
        await store.close(opened.id)


async def test_a_reader_that_touches_the_marker_does_not_prolong(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    marker = marker_of(tmpfs.path / opened.id)
    found = marker.stat()
    os.utime(marker, ns=(found.st_atime_ns + 10**12, found.st_mtime_ns))
    assert (await store.get(opened.id)).expires == opened.expires


async def test_a_marker_beyond_the_limit_is_cut_at_the_start(tmpfs: TmpfsPlace) -> None:
    former = tmpfs.store()
    opened = await former.open(60)
    os.utime(marker_of(tmpfs.path / opened.id))
    await tmpfs.stop(former)
    store = tmpfs.store()
    sweep(store)
    end = (await store.get(opened.id)).expires
    assert end == pytest.approx(tmpfs.clock.wall() + TTL_LIMIT, abs=0.01)
    tmpfs.clock.advance(TTL_LIMIT + 1)
    sweep(store)
    assert tmpfs.names() == set()


async def test_a_session_of_a_former_boot_is_ended_at_the_start(tmpfs: TmpfsPlace) -> None:
    former = tmpfs.store()
    old, live = await former.open(60), await former.open(60)
    path = tmpfs.path / old.id
    (path / "key").write_text("{}")
    marker_of(path).rename(path / ".sidecar-ffffffff")
    await tmpfs.stop(former)
    store = tmpfs.store()
    assert not await is_live(store, old.id)
    sweep(store)
    assert tmpfs.names() == {live.id}
    assert store.counts().expired == 1


async def test_the_root_comes_back_when_somebody_deleted_it(tmpfs: TmpfsPlace) -> None:
    one, other = tmpfs.store(), tmpfs.store()
    sweep(one)
    lost = await one.open(60)
    shutil.rmtree(tmpfs.path)
    assert not await is_live(one, lost.id)
    with pytest.raises(SessionNotFound):
        await one.close(lost.id)
    opened = await one.open(60)
    assert stat.S_IMODE(tmpfs.path.stat().st_mode) == 0o700
    assert await is_live(one, opened.id)
    # Another process finds the new directory with its next tick.
    sweep(other)
    assert await is_live(other, opened.id)
    tmpfs.clock.advance(61)
    sweep(one)
    sweep(other)
    assert tmpfs.names() == set()
    assert one.counts().expired + other.counts().expired == 1


async def test_a_root_that_cannot_come_back_is_an_error_that_says_why(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    shutil.rmtree(tmpfs.path)
    tmpfs.path.write_text("in the way")
    with pytest.raises(StoreFailed, match=r"^Failed to create session: Not a directory$"):
        await store.open(60)
    sweep(store)
    assert tmpfs.path.read_text() == "in the way"


async def test_a_root_that_cannot_be_read_is_not_taken_for_no_session(tmpfs: TmpfsPlace) -> None:
    """A descriptor that is no directory any more stands for any error but 'not found'."""
    store = tmpfs.store()
    opened = await store.open(60)
    os.close(store.sweep.layout.root.fd)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.get(opened.id)
    assert unavailable.value.status == 503
    with pytest.raises(StoreFailed, match=r"^Failed to close session: ") as failed:
        await store.close(opened.id)
    assert failed.value.status == 424
    for call in (
        store.open(60),
        store.try_lease(opened.id),
        store.list_sessions(10),
        store.tally("replica"),
        store.state(opened.id),
        store.append(opened.id, [{"turn": 1}]),
        store.put_data(opened.id, "key", b"1"),
    ):
        with pytest.raises(StoreFailed):
            await call
    sweep(store)
    assert store.counts().errors == dict.fromkeys(OPS, 1) | {"list": 2}
    store.sweep.layout.root.fd = os.open(tmpfs.path, os.O_RDONLY)
    assert await is_live(store, opened.id)


async def test_after_a_step_the_end_is_told_in_the_new_time(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    tmpfs.clock.set_back(86_400)
    assert (await store.get(opened.id)).expires == opened.expires - 86_400


async def test_time_between_two_readings_of_a_clock_does_not_show(tmpfs: TmpfsPlace) -> None:
    class Passing(MovedClock):
        def boot(self) -> float:
            self.advance(0.000_01)
            return super().boot()

    tmpfs.clock = Passing()
    store = tmpfs.store()
    opened = await store.open(60)
    assert (await store.get(opened.id)).expires == opened.expires


async def test_counts_tell_how_sessions_ended(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    ids = [(await store.open(60)).id for _ in range(3)]
    await store.close(ids[0])
    tmpfs.clock.advance(61)
    assert not await is_live(store, ids[1])
    assert not await is_live(store, ids[1])
    sweep(store)
    counts = store.counts()
    assert (counts.opened, counts.closed, counts.expired, counts.planted) == (3, 1, 2, 0)
