"""Ends on tmpfs that a killed or a stopped process left unfinished, and ids that come again."""

import asyncio
import fcntl
import os
import sys

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.layout import EXPIRED
from sidecar.sessions.pin import Pin
from sidecar.sessions.session import Session
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.gone import ended, gone
from tests.sessions.test_ends_told import listen


def end_as_a_killed_process(store: TmpfsStore, session_id: str) -> None:
    """Up to the rename, and the kernel then frees its lock."""
    with Pin(store.sweep.layout, session_id) as pin:
        pin.end(EXPIRED)


@pytest.mark.parametrize("session_id", [None, "conv1"])
async def test_another_process_tells_of_what_a_killed_one_could_not(
    tmpfs: TmpfsPlace, session_id: str | None
) -> None:
    store = tmpfs.store()
    opened = await store.open(60, session_id=session_id, state={"engine": "1"})
    await store.append(opened.id, [{"turn": 1}])
    tmpfs.clock.advance(61)
    end_as_a_killed_process(store, opened.id)
    await tmpfs.stop(store)
    heirs = [tmpfs.store() for _ in range(2)]
    told = listen(*heirs)
    await tmpfs.sweep()
    assert [(session.id, session.state, why) for session, why in told] == [
        (opened.id, {"engine": "1"}, "adopted")
    ]
    assert tmpfs.names() == set()


async def test_nobody_adopts_what_a_live_process_has_yet_to_tell(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    told = listen(store)
    opened = await store.open(60)
    tmpfs.clock.advance(61)
    while store.sweep.tick():
        pass
    heir = tmpfs.store()
    others = listen(heir)
    sweep(heir)
    assert (told, others) == ([], [])
    assert ended(tmpfs, opened.id).exists()
    sweep(store)
    assert [session.id for session, _ in told] == [opened.id]
    assert tmpfs.names() == set()


async def test_what_has_been_told_of_is_not_adopted_though_files_are_left(
    tmpfs: TmpfsPlace,
) -> None:
    store = tmpfs.store()
    listen(store)
    opened = await store.open(60)
    (tmpfs.path / opened.id / "key").write_text("{}")
    tmpfs.clock.advance(61)
    while store.sweep.tick():
        pass
    store.sweep.removal.tell()
    assert ended(tmpfs, opened.id).exists()
    heir = tmpfs.store()
    told = listen(heir)
    sweep(heir)
    assert told == []
    assert tmpfs.names() == set()


async def test_a_record_that_cannot_be_read_is_not_told_of_and_goes(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    told = listen(store)
    opened = await store.open(60, state={"engine": "1"})
    (tmpfs.path / opened.id / ".sidecar.record").write_text("[")
    tmpfs.clock.advance(61)
    sweep(store)
    assert told == []
    assert tmpfs.names() == set()


async def test_an_id_is_free_while_its_former_directory_is_still_there(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    for number in range(3):
        await store.open(60, session_id="conv1", state={"n": number})
        (tmpfs.path / "conv1" / "key").write_text("{}")
        await store.close("conv1")
    await store.open(60, session_id="conv1")
    assert len(tmpfs.names()) == 4
    assert store.count() == 1
    sweep(store)
    assert tmpfs.names() == {"conv1"}


async def test_whoever_decided_about_the_former_session_does_not_end_the_next(
    tmpfs: TmpfsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process closes it and opens the next one between our look and our lock."""
    store, other = tmpfs.store(), tmpfs.store()
    await store.open(60, session_id="conv1", owner="a1")
    pin = Pin.__init__

    def pause(self: Pin, *rest: object) -> None:
        with monkeypatch.context() as own:
            own.setattr(Pin, "__init__", pin)
            other._layout.create(other._layout.read("conv1"), 0, session_id="x1")
            with Pin(other._layout, "conv1") as theirs:
                theirs.end(EXPIRED)
            os.rename(tmpfs.path / "x1", tmpfs.path / "conv1")
        pin(self, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as paused:
        paused.setattr(Pin, "__init__", pause)
        with pytest.raises(SessionNotFound):
            await store.close("conv1", "a1")
    assert (await store.get("conv1")).owner is None


async def test_one_that_is_being_ended_elsewhere_is_left_to_it(tmpfs: TmpfsPlace) -> None:
    """A process that was stopped between its decision and its rename does not stop the others."""
    store = tmpfs.store()
    opened = await store.open(60)
    sweep(store)
    with Pin(store.sweep.layout, opened.id):
        with pytest.raises(SessionNotFound):
            await store.close(opened.id)
        tmpfs.clock.advance(61)
        sweep(store)
        assert tmpfs.names() == {opened.id}
    tmpfs.clock.advance(61)
    sweep(store)
    assert tmpfs.names() == set()


async def test_stopping_tells_of_what_has_ended(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    told: list[str] = []

    def note(session: Session, why: str) -> None:
        told.append(session.id)

    store.on_ended = note
    opened = await store.open(60)
    await store.start()
    tmpfs.clock.advance(61)
    await gone(tmpfs.path / opened.id, 5)
    await tmpfs.stop(store)
    assert told == [opened.id]
    assert tmpfs.names() == set()


HOLD = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


async def test_a_lease_of_a_killed_process_is_free_at_once(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    lease = await store.try_lease(opened.id)
    assert lease is not None
    await lease.release()
    file = tmpfs.path / opened.id / ".sidecar.turn"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, file, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    assert await store.try_lease(opened.id) is None
    holder.kill()
    await holder.wait()
    lease = await store.try_lease(opened.id)
    assert lease is not None
    await lease.release()


async def test_leases_that_are_given_back_hold_no_descriptor(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        lease = await store.try_lease(opened.id)
        assert lease is not None
        assert await store.try_lease(opened.id) is None
        await lease.release()
    await store.close(opened.id)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_child_that_is_being_started_does_not_hold_a_lease(tmpfs: TmpfsPlace) -> None:
    """It has the descriptor until its exec: closing ours alone would not free the lock."""
    store = tmpfs.store()
    opened = await store.open(60)
    lease = await store.try_lease(opened.id)
    assert lease is not None
    copies = [os.dup(int(each)) for each in os.listdir("/proc/self/fd") if is_turn(each)]
    assert len(copies) == 1
    await lease.release()
    fd = os.open(tmpfs.path / opened.id / ".sidecar.turn", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for each in (fd, *copies):
        os.close(each)


def is_turn(fd: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").endswith("/.sidecar.turn")
    except FileNotFoundError:
        return False


async def test_what_a_stopped_store_had_yet_to_tell_is_told_by_the_next_one(
    tmpfs: TmpfsPlace,
) -> None:
    store = tmpfs.store()
    listen(store)
    opened = await store.open(2)
    tmpfs.clock.advance(5)
    with pytest.raises(SessionNotFound):
        await store.close(opened.id)
    await tmpfs.stop(store)
    assert ended(tmpfs, opened.id).exists()
    told = listen(tmpfs.store())
    await tmpfs.sweep()
    assert [(session.id, why) for session, why in told] == [(opened.id, "adopted")]
    assert tmpfs.names() == set()
