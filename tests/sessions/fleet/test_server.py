"""One call to the server: an answer in time or a refusal, and never the answer of another call."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound, SidecarError, StoreFull, StoreUnavailable
from sidecar.sessions.fleet.store import FleetStore
from sidecar.sessions.session import Session
from tests.harness.watch import Watch
from tests.sessions.contract import until
from tests.sessions.fleet.slow import Relay, slowed
from tests.sessions.redis_place import RedisPlace, fleet_store
from tests.sessions.redis_server import RedisServer


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with slowed(tmp_path) as relay:
        yield relay


async def test_calls_that_were_given_up_leave_no_answer_to_the_others(relay: Relay) -> None:
    """Each is cancelled at another moment; a session that is found is always the one asked for."""
    store = fleet_store(relay.url)
    ids = [(await store.open(60, state={"n": number})).id for number in range(8)]
    relay.delay = 0.01

    async def ask(number: int) -> None:
        for turn in range(30):
            call = asyncio.create_task(store.get(ids[number]))
            await asyncio.sleep(0.001 * ((turn * 7 + number) % 25))
            call.cancel()
            try:
                assert (await call).state == {"n": number}
            except asyncio.CancelledError:
                continue

    await asyncio.gather(*(ask(number) for number in range(8)))
    for number in range(8):
        assert (await store.get(ids[number])).state == {"n": number}
    await store.stop()


async def test_a_crowd_does_not_wait_one_after_the_other(
    server: RedisServer, store: FleetStore
) -> None:
    opened = await store.open(60)
    server.pause()
    watch = Watch()
    calls = [store.get(opened.id) for _ in range(200)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in ends)
    assert watch.worked() < 5.0, watch  # and not 0.7 s for each
    watch = Watch()
    for call in (store.open(60), store.close(opened.id), store.append(opened.id, [{}])):
        with pytest.raises(StoreUnavailable, match="does not answer in time"):
            await call
    assert watch.worked() < 1.5, watch  # of 2.1, if each of them waited
    server.resume()
    await until(lambda: store._server._away is None)
    assert (await store.get(opened.id)).id == opened.id


async def test_an_outage_is_told_once_and_its_end_too(
    server: RedisServer, store: FleetStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await store.open(60)
    server.kill()
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{server.port} cannot be reached"):
            await store.open(60)
        await asyncio.sleep(0.1)
    server.start()
    await until(lambda: store._server._away is None)
    assert len(caplog.messages) == 2
    assert "sessions get 503 until it is back" in caplog.messages[0]
    assert caplog.messages[1].endswith("is back")
    assert (await store.open(60)).id


async def test_a_connection_that_was_closed_meanwhile_costs_no_call(
    server: RedisServer, store: FleetStore
) -> None:
    """As after a restart, or when something between cuts idle connections."""
    for _ in range(3):
        await store.open(60)
        server.command("CLIENT", "KILL", "TYPE", "normal")
        await asyncio.sleep(0.05)
    server.kill()
    server.start()
    await asyncio.sleep(0.05)
    assert (await store.open(60)).id


async def test_no_memory_is_no_room_and_closing_makes_some(
    server: RedisServer, store: FleetStore
) -> None:
    kept = await store.open(60, state={"n": 1})
    full = [await store.open(60) for _ in range(3)]
    server.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreFull, match="has no memory left") as refused:
        await store.open(60)
    assert refused.value.retry_after
    for call in (
        store.save(kept.id, {"n": 2}),
        store.append(kept.id, [{"turn": 1}]),
        store.put_data(kept.id, "key", b"1"),
    ):
        with pytest.raises(StoreFull):
            await call
    assert (await store.get(kept.id)).state == {"n": 1}
    assert await store.events(kept.id) == []
    for each in full:
        await store.close(each.id)
    server.command("CONFIG", "SET", "maxmemory", "0")
    await store.save(kept.id, {"n": 2})
    assert store.counts().refused == 4


async def test_a_primary_that_became_a_replica_is_an_outage_until_it_is_primary_again(
    server: RedisServer, store: FleetStore, tmp_path: Path
) -> None:
    opened = await store.open(60)
    server.command("CONFIG", "SET", "min-replicas-to-write", "0")
    server.command("REPLICAOF", "127.0.0.1", "1")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="has no primary at the moment"):
            await store.open(60)
    server.command("REPLICAOF", "NO", "ONE")
    await until(lambda: store._server._away is None)
    assert (await store.get(opened.id)).id == opened.id


async def test_a_refusal_is_told_by_its_code_alone(
    server: RedisServer, store: FleetStore, caplog: pytest.LogCaptureFixture
) -> None:
    opened = await store.open(60)
    server.command("DEL", f"{{sidecar}}:s:{opened.id}")
    server.command("SET", f"{{sidecar}}:s:{opened.id}", "planted")
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"refused a command: [A-Z]+$"):
            await store.get(opened.id)
    assert len(caplog.messages) == 1
    assert opened.id not in caplog.text
    other = await store.open(60)
    assert (await store.get(other.id)).id == other.id


async def test_scripts_that_were_flushed_are_sent_again(
    server: RedisServer, store: FleetStore
) -> None:
    opened = await store.open(60)
    server.command("SCRIPT", "FLUSH")
    assert (await store.get(opened.id)).id == opened.id
    await store.close(opened.id)


async def test_nothing_is_left_on_the_server_when_all_has_ended(
    server: RedisServer, store: FleetStore
) -> None:
    for number in range(3):
        opened = await store.open(60, owner="a1", state={"n": number})
        await store.append(opened.id, [{"turn": 1}])
        await store.put_data(opened.id, "key", b"1")
        lease = await store.try_lease(opened.id)
        assert lease is not None
        await store.close(opened.id)
        await lease.release()
    assert server.command("KEYS", "*").split() == []


def ignore(session: Session, why: str) -> None:
    pass


async def test_every_key_has_an_end_of_its_own(server: RedisServer, store: FleetStore) -> None:
    """So a fleet that was taken down leaves nothing for ever."""
    store.on_ended = ignore
    await store.open(1.0, session_id="conv1", state={"n": 1})
    await asyncio.sleep(1.0)
    opened = await store.open(60, idle=30, session_id="conv1")
    await store.append(opened.id, [{"turn": 1}])
    await store.put_data(opened.id, "key", b"1")
    await store.get(opened.id, touch=True)
    lease = await store.try_lease(opened.id)
    keys = server.command("KEYS", "*").split()
    assert len(keys) == 8
    for key in keys:
        assert 0 < int(server.command("PTTL", key)) <= 24 * 3_600_000, key
    assert lease is not None
    await lease.release()


async def test_a_fleet_with_another_prefix_is_another_world(
    server: RedisServer, store: FleetStore
) -> None:
    other, apart = fleet_store(server.url, prefix="other"), store.apart("notes", ttl_limit=60)
    opened = await store.open(60, session_id="conv1")
    for each in (other, apart):
        with pytest.raises(SessionNotFound):
            await each.get(opened.id)
        assert await each.list_sessions(10) == []
        await each.open(60, session_id="conv1")
    assert store.count() == 1
    await store.close("conv1")
    for each in (other, apart):
        assert (await each.get("conv1")).id == "conv1"
    await other.stop()


async def test_a_store_that_was_stopped_does_not_connect_again(server: RedisServer) -> None:
    store = fleet_store(server.url)
    apart = store.apart("notes", ttl_limit=60)
    await store.open(60)
    for each in (store, apart):
        await each.start()
    await store.stop()
    with pytest.raises(SidecarError):
        await apart.open(60)
    await apart.stop()
    clients = server.command("CLIENT", "LIST").strip().splitlines()
    assert len(clients) == 1


async def test_a_damaged_session_does_not_keep_the_others_from_their_end(
    server: RedisServer, store: FleetStore
) -> None:
    told: list[str] = []
    store.on_ended = lambda session, why: told.append(session.id)
    for session_id in ("a", "b", "c"):
        await store.open(1, session_id=session_id)
    key = "{sidecar}:s:b"
    server.command("DEL", key)
    server.command("SET", key, "planted")
    await asyncio.sleep(1.1)
    await store.sweep.tick()
    assert told == ["a", "c"]


async def test_what_a_killed_sidecar_could_not_tell_of_another_one_does(
    redis_place: RedisPlace,
) -> None:
    killed, heir = redis_place.store(), redis_place.store()
    told: list[tuple[str, str, object]] = []

    def die(session: Session, why: str) -> None:
        raise KeyboardInterrupt

    killed.on_ended = die
    heir.on_ended = lambda session, why: told.append((session.id, why, session.state))
    await killed.open(60, session_id="conv1", state={"engine": "1"})
    redis_place.clock.advance(61)
    with pytest.raises(KeyboardInterrupt):
        await killed.sweep.tick()
    await heir.sweep.tick()
    assert told == []
    await heir.open(60, session_id="conv1", state={"engine": "2"})
    redis_place.clock.advance(31)
    await heir.sweep.tick()
    await heir.sweep.tick()
    assert told == [("conv1", "adopted", {"engine": "1"})]
    assert (await heir.get("conv1")).state == {"engine": "2"}
