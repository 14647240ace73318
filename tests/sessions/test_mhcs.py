"""An engine on the same volume that uses model_hosting_container_standards, the real one."""

import json
import time
from typing import Any

import pytest

from sidecar.errors import BodyTooLarge
from sidecar.sessions.store import VALUE_LIMIT
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


@pytest.mark.parametrize("key", ["history", "a/b", "model.v1:x", "0-_"])
async def test_each_reads_what_the_other_put(tmpfs: TmpfsPlace, key: str) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    engine = peer(tmpfs, opened.id)
    values: list[Any] = [*VALUES.values(), [1] * 1_000, {}]
    for value in values:
        await store.put_data(opened.id, key, json.dumps(value).encode())
        assert engine.get(key) == value
        engine.put(key, [value])
        got = await store.get_data(opened.id, key)
        assert got is not None
        assert json.loads(got) == [value]
    assert await store.data_keys(opened.id) == [key.replace("/", "-")]
    await store.delete_data(opened.id, key)
    assert engine.get(key) is None


async def test_what_we_keep_for_ourselves_is_no_key_of_the_peers(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store(expiration_file=True)
    opened = await store.open(60, idle=20, owner="a1", state={"engine": "1"})
    await store.append(opened.id, [{"role": "user"}])
    peer(tmpfs, opened.id).put("key", 1)
    assert await store.data_keys(opened.id) == ["key"]
    assert await store.state(opened.id) == {"engine": "1"}
    assert await store.events(opened.id) == [{"role": "user"}]
    await store.close(opened.id)
    sweep(store)
    assert tmpfs.names() == set()


async def test_the_peer_is_told_the_last_end_that_a_touch_may_reach(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store(expiration_file=True)
    opened = await store.open(60, idle=20)
    fixed = await store.open(60)
    assert peer(tmpfs, opened.id).expiration_ts == fixed.expires > opened.expires


async def test_keys_of_the_peer_that_are_none_of_ours_are_not_listed(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    for key in ("caf\u00e9", "with space", "-dash", "x" * 129, "fine"):
        peer(tmpfs, opened.id).put(key, 1)
    assert await store.data_keys(opened.id) == ["fine"]


async def test_a_value_of_the_peer_that_is_too_large_is_not_handed_out(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    peer(tmpfs, opened.id).put("cache", "x" * VALUE_LIMIT)
    with pytest.raises(BodyTooLarge, match=str(VALUE_LIMIT)):
        await store.get_data(opened.id, "cache")
    assert await store.data_keys(opened.id) == ["cache"]


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
