"""An engine on the same volume that uses model_hosting_container_standards, the real one."""

import time

import pytest

from tests.harness.clock import MovedClock
from tests.sessions.contract import TmpfsPlace, sweep

with pytest.MonkeyPatch.context() as environment:
    # Its import sets the level of the root logger: to ERROR, unless told that nothing changes.
    environment.setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "WARNING")
    from model_hosting_container_standards.sagemaker.sessions.manager import (
        Session as PeerSession,
    )
    from model_hosting_container_standards.sagemaker.sessions.manager import SessionManager

VALUES = {"turns": [1, 2, {"role": "user"}], "name": "caf\u00e9", "none": None}


def peer(place: TmpfsPlace, session_id: str) -> PeerSession:
    return PeerSession(session_id, str(place.path))


async def test_the_peer_keeps_keys_in_a_session_of_ours(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    engine = peer(tmpfs, opened.id)
    assert engine.expiration_ts is None
    for key, value in VALUES.items():
        engine.put(key, value)
    engine.put("a/b", "slash")
    sweep(store)
    await store.get(opened.id)
    another = peer(tmpfs, opened.id)
    assert {key: another.get(key) for key in VALUES} == VALUES
    assert another.get("a/b") == "slash"
    assert another.get("absent", "default") == "default"
    await store.close(opened.id)
    sweep(store)
    assert tmpfs.names() == set()


async def test_the_keys_survive_a_restart_of_the_sidecar(tmpfs: TmpfsPlace) -> None:
    former = tmpfs.store()
    opened = await former.open(60)
    peer(tmpfs, opened.id).put("key", "value")
    await tmpfs.stop(former)
    sweep(tmpfs.store())
    assert peer(tmpfs, opened.id).get("key") == "value"


async def test_the_peer_reads_the_end_that_we_announced(tmpfs: TmpfsPlace) -> None:
    opened = await tmpfs.store(expiration_file=True).open(60)
    assert peer(tmpfs, opened.id).expiration_ts == opened.expires


async def test_the_peers_manager_adopts_ours_and_may_close_it(tmpfs: TmpfsPlace) -> None:
    # The peer compares with the real wall clock.
    tmpfs.clock = MovedClock(wall=time.time())
    store = tmpfs.store(expiration_file=True)
    sweep(store)
    kept, closed = await store.open(60), await store.open(60)
    manager = SessionManager({"sessions_path": str(tmpfs.path)})
    assert set(manager.sessions) == {kept.id, closed.id}
    found = manager.get_session(kept.id)
    assert found is not None
    found.put("key", "value")
    manager.close_session(closed.id)
    assert store.count() == 1
    # Also what the peer does before each create: to end all that has no end in the future.
    made = manager.create_session()
    assert tmpfs.names() == {kept.id, made.session_id}


async def test_sessions_of_the_peer_are_left_alone(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    manager = SessionManager({"sessions_path": str(tmpfs.path), "sessions_expiration": "1"})
    theirs = manager.create_session()
    theirs.put("key", "value")
    for _ in range(3):
        sweep(store)
        tmpfs.clock.advance(3600)
    assert theirs.get("key") == "value"
    assert store.count() == 0
    manager.close_session(theirs.session_id)
    assert tmpfs.names() == set()
