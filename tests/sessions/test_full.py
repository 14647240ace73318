"""A file system without room, a real one: new sessions are refused and all else goes on."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound, StoreFull
from sidecar.sessions.root import open_root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.full import INODES, fill_inodes, fill_pages

NO_MAXIMUM = 1_000_000


async def fill(store: TmpfsStore, ttl: float = 60) -> list[str]:
    ids: list[str] = []
    while True:
        try:
            ids.append((await store.open(ttl)).id)
        except StoreFull as full:
            assert (full.status, full.retry_after) == (503, 5)
            return ids


async def assert_only(store: TmpfsStore, place: TmpfsPlace, ids: list[str]) -> None:
    """Nothing half-made, and everything can still be used, closed and replaced."""
    assert place.names() == set(ids)
    for each in ids:
        assert (await store.get(each)).id == each
    await store.close(ids[0])
    with pytest.raises(SessionNotFound):
        await store.get(ids[0])
    replaced = await store.open(60)
    assert (await store.get(replaced.id)).id == replaced.id


async def test_when_the_inodes_are_used_up(small: TmpfsPlace) -> None:
    store = small.store(NO_MAXIMUM)
    ids = await fill(store)
    assert len(ids) == (INODES - 2) // 2
    assert os.statvfs(small.path).f_favail < 2
    await assert_only(store, small, ids)
    assert store.counts().refused == 1


async def test_when_only_the_marker_finds_no_inode(small: TmpfsPlace) -> None:
    (small.path.parent / "odd").touch()
    store = small.store(NO_MAXIMUM)
    ids = await fill(store)
    assert os.statvfs(small.path).f_favail == 1
    await assert_only(store, small, ids)


async def test_without_a_maximum_a_tenth_is_left_free(small: TmpfsPlace) -> None:
    store = small.store()
    ids = await fill(store)
    free = os.statvfs(small.path).f_favail
    assert 3 <= free < 3 + 2
    assert len(ids) == (INODES - 2 - free) // 2
    await assert_only(store, small, ids)


async def test_a_full_one_takes_no_page_for_sessions(small: TmpfsPlace) -> None:
    store = small.store(NO_MAXIMUM)
    fill_pages(small.path)
    ids = await fill(store)
    assert len(ids) > 10
    await assert_only(store, small, ids)


async def test_when_the_expiration_file_finds_no_page(small: TmpfsPlace) -> None:
    store = small.store(NO_MAXIMUM, expiration_file=True)
    ids = [(await store.open(60)).id for _ in range(3)]
    filler = fill_pages(small.path)
    assert await fill(store) == []
    assert small.names() == set(ids)
    await store.close(ids[0])
    assert (await store.get(ids[1])).id == ids[1]
    filler.unlink()
    assert (await store.open(60)).id in small.names()


@pytest.mark.parametrize("max_sessions", [None, NO_MAXIMUM])
async def test_a_start_while_it_is_full(small: TmpfsPlace, max_sessions: int | None) -> None:
    former = small.store(NO_MAXIMUM)
    fill_pages(small.path)
    ids = await fill(former)
    (small.path / ids[0]).rename(small.path / f".del-{ids[0]}")
    (small.path / ids[1]).rename(small.path / ".tmp-half-made")
    await small.stop(former)
    fill_inodes(small.path)
    root, problem = open_root(small.path, small.path / "fallback")
    root.close()
    assert problem is None
    store = small.store(max_sessions)
    await store.start()
    assert (await store.get(ids[2])).id == ids[2]
    sweep(store)
    await assert_only(store, small, ids[2:])


async def test_room_that_another_program_gives_back_is_used(small: TmpfsPlace) -> None:
    small.path.mkdir(0o700)
    fillers = fill_inodes(small.path)
    store = small.store()
    assert await fill(store) == []
    for filler in fillers:
        filler.unlink()
    assert len(await fill(store)) > 10


async def test_expired_sessions_make_room(small: TmpfsPlace) -> None:
    store = small.store()
    await fill(store, ttl=60)
    small.clock.advance(61)
    sweep(store)
    assert small.names() == set()
    assert len(await fill(store)) > 10


async def test_without_a_count_of_inodes_pages_are_counted(mount: Callable[[str], Path]) -> None:
    place = TmpfsPlace(mount("size=64k,nr_inodes=0") / "sessions")
    store = place.store()
    ids = [(await store.open(60)).id for _ in range(100)]
    assert len(ids) == 100
    fill_pages(place.path)
    with pytest.raises(StoreFull):
        await store.open(60)
    await place.leave()


def test_a_read_only_file_system_gives_way_to_the_fallback(
    mount: Callable[[str], Path], scratch: Path
) -> None:
    path = mount("ro") / "sessions"
    root, problem = open_root(path, scratch / "fallback")
    root.close()
    assert root.path == scratch / "fallback"
    assert problem is not None and "Read-only file system" in problem


def test_a_read_only_remount_gives_way_too(mount: Callable[[str], Path], scratch: Path) -> None:
    mounted = mount("size=64k")
    (mounted / "sessions").mkdir(0o700)
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    root, problem = open_root(mounted / "sessions", scratch / "fallback")
    root.close()
    assert root.path == scratch / "fallback"
    assert problem is not None and "Read-only file system" in problem
