"""One writer at a time in a session on tmpfs, and nothing of it left once it has ended."""

import asyncio
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound, StoreUnavailable
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.watch import Watch
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.gone import ended, gone
from tests.sessions.test_events import turns


async def test_files_are_private_whatever_the_umask(tmpfs: TmpfsPlace) -> None:
    former = os.umask(0)
    try:
        store = tmpfs.store()
        opened = await store.open(60, owner="a1")
        await store.append(opened.id, turns(0, 1))
        await store.put_data(opened.id, "key", b"1")
        await store.save(opened.id, {"a": 1})
    finally:
        os.umask(former)
    found = [each for each in (tmpfs.path / opened.id).iterdir() if each.name[:9] != ".sidecar-"]
    assert len(found) == 3
    assert {each.stat().st_mode & 0o777 for each in found} == {0o600}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As another process that was stopped in the middle of a change."""
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


async def test_a_writer_waits_for_another_one(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    with locked(tmpfs.path / opened.id):
        waiting = asyncio.create_task(store.append(opened.id, turns(0, 1)))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        assert await store.events(opened.id) == []
        assert (await store.get(opened.id)).id == opened.id
    await waiting
    assert await store.events(opened.id) == turns(0, 1)


async def test_a_writer_that_was_stopped_does_not_stop_the_others(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    with locked(tmpfs.path / opened.id):
        watch = Watch()
        with pytest.raises(StoreUnavailable, match="another process holds its lock"):
            await store.save(opened.id, {"a": 1})
        assert watch.between(0.5, 3), watch
    assert await store.state(opened.id) == {}


async def test_whoever_waits_for_a_session_that_is_closed_gets_nothing(tmpfs: TmpfsPlace) -> None:
    store, other = tmpfs.store(), tmpfs.store()
    opened = await store.open(60)
    with locked(tmpfs.path / opened.id):
        waiting = asyncio.create_task(store.append(opened.id, turns(0, 1)))
        await asyncio.sleep(0.02)
        await other.close(opened.id)
    with pytest.raises(SessionNotFound):
        await waiting
    assert tmpfs.names() == set()


async def test_what_a_writer_holds_is_deleted_when_it_lets_go(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    await store.start()
    opened = await store.open(60)
    await store.put_data(opened.id, "key", b"1")
    with locked(tmpfs.path / opened.id):
        await store.close(opened.id)
        await asyncio.sleep(0.1)
        left = ended(tmpfs, opened.id)
        (left / ".sidecar.new").write_text("the stopped writer's next call")
    await gone(left, 3)


async def test_no_word_is_left_the_moment_a_session_is_closed(tmpfs: TmpfsPlace) -> None:
    """Not even until the sweep: what we wrote goes with the close."""
    store = tmpfs.store()
    closed, expired = [await store.open(60, owner="a1", state={"a": 1}) for _ in range(2)]
    for each in (closed, expired):
        await store.append(each.id, turns(0, 100))
    await store.close(closed.id)
    assert tmpfs.names() == {expired.id}
    tmpfs.clock.advance(61)
    sweep(store)
    assert tmpfs.names() == set()


async def test_a_large_session_is_gone_three_seconds_after_its_close(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    await store.start()
    opened = await store.open(60)
    path = tmpfs.path / opened.id
    await store.append(opened.id, [{"text": "x" * 4_000_000}])
    for number in range(40):
        (path / f"cache-{number}").mkdir()
        for part in range(500):
            (path / f"cache-{number}" / f"{part}").touch()
    await store.close(opened.id)
    watch = Watch()
    left = ended(tmpfs, opened.id)
    assert not (left / ".sidecar.events").exists()
    await gone(left, 3)
    assert watch.worked() < 3, watch


async def test_writers_in_two_processes_lose_and_tear_nothing(tmpfs: TmpfsPlace) -> None:
    """Two threads with a store each: flock tells their descriptors apart as it does processes."""
    stores = [tmpfs.store() for _ in range(2)]
    opened = await stores[0].open(60, owner="a1")
    batches, problems = 100, list[BaseException]()

    async def write(store: TmpfsStore, name: int) -> None:
        for number in range(batches):
            await store.append(opened.id, [{"writer": name, "number": number}] * 2)
            await store.save(opened.id, {"writer": name, "text": str(name) * 500})
            state = (await store.get(opened.id, "a1")).state
            assert state["text"] == str(state["writer"]) * 500
            await store.put_data(opened.id, "key", str(name).encode() * 5000)
            value = await store.get_data(opened.id, "key")
            assert value in (b"0" * 5000, b"1" * 5000)

    def run(name: int) -> None:
        try:
            asyncio.run(write(stores[name], name))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert problems == []
    events = await stores[0].events(opened.id)
    for name in range(2):
        numbers = [each["number"] for each in events if each["writer"] == name]
        assert numbers == [number for number in range(batches) for _ in range(2)]
