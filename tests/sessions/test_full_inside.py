"""A file system without room: what is in a session stays as it was, and can be made smaller."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import StoreFull
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.full import fill_inodes, fill_pages

NO_MAXIMUM = 1_000_000
EVENT = {"text": "x" * 3_000}


def files(path: Path) -> dict[str, int]:
    return {each.name: each.stat().st_size for each in path.iterdir()}


async def refused(call: Awaitable[Any]) -> None:
    with pytest.raises(StoreFull) as full:
        await call
    assert full.value.status == 503
    assert full.value.retry_after


@pytest.fixture
def store(small: TmpfsPlace) -> TmpfsStore:
    return small.store(NO_MAXIMUM)


@pytest.mark.parametrize("fill", [fill_pages, fill_inodes], ids=lambda fill: fill.__name__)
async def test_what_finds_no_room_changes_nothing(
    small: TmpfsPlace, store: TmpfsStore, fill: Callable[[Path], object]
) -> None:
    opened = await store.open(60, owner="a1", state={"engine": "1"})
    await store.append(opened.id, [EVENT] * 5)
    await store.put_data(opened.id, "key", b"x" * 5_000)
    fill(small.path)
    path = small.path / opened.id
    before = files(path)
    await refused(store.save(opened.id, {"engine": "2"}))
    await refused(store.put_data(opened.id, "key", b"y"))
    await refused(store.put_data(opened.id, "another", b"y"))
    await refused(store.drop_events(opened.id, 1))
    await refused(store.open(60, owner="a1"))
    assert files(path) == before
    assert small.names() == {opened.id}
    found = await store.get(opened.id, "a1")
    assert (found.state, found.expires) == ({"engine": "1"}, opened.expires)
    assert await store.events(opened.id) == [EVENT] * 5
    assert await store.get_data(opened.id, "key") == b"x" * 5_000


async def test_a_batch_of_which_only_a_part_finds_room_is_not_there(
    small: TmpfsPlace, store: TmpfsStore
) -> None:
    """The last page of the log takes what fits: a short write, then none."""
    opened = await store.open(60)
    await store.append(opened.id, [EVENT])
    log = small.path / opened.id / ".sidecar.events"
    fill_pages(small.path)
    before = log.read_bytes()
    for _ in range(3):
        await refused(store.append(opened.id, [EVENT] * 3))
        assert log.read_bytes() == before
    await store.append(opened.id, [{"small": 1}])
    assert await store.events(opened.id) == [EVENT, {"small": 1}]


async def test_a_first_batch_without_room_leaves_no_log(
    small: TmpfsPlace, store: TmpfsStore
) -> None:
    opened = await store.open(60)
    fill_pages(small.path)
    before = files(small.path / opened.id)
    await refused(store.append(opened.id, [EVENT]))
    assert files(small.path / opened.id) == before


@pytest.mark.parametrize("fill", [fill_pages, fill_inodes], ids=lambda fill: fill.__name__)
async def test_giving_up_needs_no_room(
    small: TmpfsPlace, store: TmpfsStore, fill: Callable[[Path], object]
) -> None:
    opened = await store.open(60, idle=10, state={"engine": "1"})
    other = await store.open(60, owner="a1")
    await store.append(opened.id, [EVENT] * 5)
    await store.put_data(opened.id, "key", b"1")
    fill(small.path)
    small.clock.advance(5)
    await store.get(opened.id, touch=True)
    small.clock.advance(6)
    await store.drop_events(opened.id, 5)
    assert await store.events(opened.id) == []
    assert await store.delete_data(opened.id, "key")
    await store.close(opened.id)
    small.clock.advance(60)
    sweep(store)
    assert small.names() == set()
    assert other.id not in small.names()


async def test_a_session_that_has_nothing_takes_no_page(
    small: TmpfsPlace, store: TmpfsStore
) -> None:
    opened = await store.open(60)
    free = os.statvfs(small.path).f_bfree
    await store.open(60, state={})
    assert os.statvfs(small.path).f_bfree == free
    assert [name[:9] for name in files(small.path / opened.id)] == [".sidecar-"]
