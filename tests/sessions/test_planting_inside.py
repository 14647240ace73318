"""What somebody put where the files of a session on tmpfs are: never followed, never waited for."""

import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound, StoreFailed, StoreUnavailable
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.test_events import turns

CANARY = "canary, not to be read or written"


def link(path: Path, canary: Path) -> None:
    path.symlink_to(canary)


def dangling_link(path: Path, canary: Path) -> None:
    path.symlink_to("nowhere")


def fifo(path: Path, canary: Path) -> None:
    os.mkfifo(path, 0o600)


def unix_socket(path: Path, canary: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def directory(path: Path, canary: Path) -> None:
    path.mkdir(0o700)


PLANTS: list[Callable[[Path, Path], None]] = [link, dangling_link, fifo, unix_socket, directory]
planted = pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)


@pytest.fixture
def canary(scratch: Path) -> Iterator[Path]:
    path = scratch / "canary"
    path.write_text(CANARY)
    yield path
    assert path.read_text() == CANARY
    assert not (scratch / "nowhere").exists()


@planted
async def test_a_planted_log_is_not_followed(
    tmpfs: TmpfsPlace, canary: Path, plant: Callable[[Path, Path], None]
) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    plant(tmpfs.path / opened.id / ".sidecar.events", canary)
    with pytest.raises(StoreUnavailable, match="something else has the name"):
        await store.events(opened.id)
    with pytest.raises(StoreFailed, match="something else has the name"):
        await store.append(opened.id, turns(0, 1))
    assert (await store.get(opened.id)).id == opened.id


@planted
async def test_a_planted_record_makes_it_no_session(
    tmpfs: TmpfsPlace, canary: Path, plant: Callable[[Path, Path], None]
) -> None:
    store = tmpfs.store()
    opened, other = await store.open(60, owner="a1"), await store.open(60)
    record = tmpfs.path / opened.id / ".sidecar.record"
    record.unlink()
    plant(record, canary)
    for call in (store.get(opened.id), store.state(opened.id), store.save(opened.id, {})):
        with pytest.raises(SessionNotFound):
            await call
    assert [each.id for each in await store.list_sessions(10)] == [other.id]
    assert store.counts().planted == 1
    tmpfs.clock.advance(61)
    sweep(store)
    assert tmpfs.names() == set()


@planted
async def test_a_planted_key_is_no_key_and_a_put_takes_its_place(
    tmpfs: TmpfsPlace, canary: Path, plant: Callable[[Path, Path], None]
) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    plant(tmpfs.path / opened.id / "key", canary)
    assert await store.get_data(opened.id, "key") is None
    assert await store.data_keys(opened.id) == []
    assert await store.delete_data(opened.id, "key") is False
    if plant is directory:
        with pytest.raises(StoreFailed, match="Is a directory"):
            await store.put_data(opened.id, "key", b"1")
        return
    await store.put_data(opened.id, "key", b"1")
    assert await store.get_data(opened.id, "key") == b"1"


@planted
async def test_what_is_planted_where_the_next_file_is_made(
    tmpfs: TmpfsPlace, canary: Path, plant: Callable[[Path, Path], None]
) -> None:
    """There also is what a killed writer left."""
    store = tmpfs.store()
    opened = await store.open(60)
    new = tmpfs.path / opened.id / ".sidecar.new"
    changes: list[Callable[[], Awaitable[None]]] = [
        lambda: store.save(opened.id, {"engine": "1"}),
        lambda: store.put_data(opened.id, "key", b"1"),
    ]
    for change in changes:
        plant(new, canary)
        if plant is directory:
            with pytest.raises(StoreFailed):
                await change()
            new.rmdir()
        await change()
        assert not os.path.lexists(new)
    assert await store.data_keys(opened.id) == ["key"]
