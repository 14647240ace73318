"""A session that was looked at closely is known again only while nothing about it has changed."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.lookup import Lookup
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions.contract import TmpfsPlace, sweep

SETTLE = 0.06


async def remembered(store: TmpfsStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A session that is used again without a close look."""
    opened = await store.open(60, state={"engine": "1"})
    await asyncio.sleep(SETTLE)
    await store.get(opened.id)
    with monkeypatch.context() as blind:
        blind.setattr(Lookup, "look", None)
        assert (await store.get(opened.id)).state == {"engine": "1"}
    return opened.id


def moved_and_linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def replaced_by_a_copy(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.mkdir(0o700)


def opened_to_the_group(path: Path) -> None:
    path.chmod(0o750)


def given_away(path: Path) -> None:
    os.chown(path, 12345, 12345)


def without_marker(path: Path) -> None:
    for marker in path.glob(".sidecar-*"):
        marker.unlink()


def record_is_a_link(path: Path) -> None:
    record = path / ".sidecar.record"
    record.rename(path / "elsewhere")
    record.symlink_to("elsewhere")


def record_is_garbage(path: Path) -> None:
    (path / "new").write_text('["a1", null')
    (path / "new").rename(path / ".sidecar.record")


CASES: list[Callable[[Path], None]] = [
    moved_and_linked,
    replaced_by_a_copy,
    opened_to_the_group,
    given_away,
    without_marker,
    record_is_a_link,
    record_is_garbage,
]


@pytest.mark.parametrize("change", CASES, ids=lambda case: case.__name__)
async def test_what_became_of_it_afterwards_is_seen(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    store = tmpfs.store()
    session_id = await remembered(store, monkeypatch)
    change(tmpfs.path / session_id)
    for _ in range(2):
        with pytest.raises(SessionNotFound):
            await store.get(session_id)
        with pytest.raises(SessionNotFound):
            await store.close(session_id)
    assert store.counts().planted == 4


async def test_another_process_ended_it(tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = tmpfs.store(), tmpfs.store()
    closed, removed = [await remembered(store, monkeypatch) for _ in range(2)]
    await other.close(closed)
    shutil.rmtree(tmpfs.path / removed)
    for session_id in (closed, removed):
        with pytest.raises(SessionNotFound):
            await store.get(session_id)


async def test_another_process_saved_its_state(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = tmpfs.store(), tmpfs.store()
    session_id = await remembered(store, monkeypatch)
    await other.save(session_id, {"engine": "2"})
    assert (await store.get(session_id)).state == {"engine": "2"}


async def test_what_changed_just_now_is_not_remembered(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a kernel whose ctime stands still for a tick the next change would not be seen."""
    store = tmpfs.store()
    opened = await store.open(60)
    changed = (tmpfs.path / opened.id).stat().st_ctime
    for second, is_remembered in ((0.04, False), (-0.04, False), (0.06, True)):
        monkeypatch.setattr("sidecar.sessions.lookup.time.time", lambda: changed + second)  # noqa: B023
        await store.get(opened.id)
        assert (opened.id in store._lookup._seen) is is_remembered


async def test_it_ends_in_time_though_it_is_remembered(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmpfs.store()
    session_id = await remembered(store, monkeypatch)
    tmpfs.clock.advance(61)
    with pytest.raises(SessionNotFound):
        await store.get(session_id)
    assert store.counts().expired == 1


async def test_only_so_many_are_remembered(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.sessions.lookup._REMEMBERED", 3)
    store = tmpfs.store()
    ids = [await remembered(store, monkeypatch) for _ in range(5)]
    assert list(store._lookup._seen) == ids[2:]
    for session_id in ids:
        assert (await store.get(session_id)).id == session_id
    sweep(store)
