"""What the server is asked is timed, and what it cannot do is counted, by the store's verbs."""

from contextlib import suppress

import pytest

from sidecar.errors import StoreFull, StoreUnavailable
from sidecar.sessions.counts import OPS, Counts
from sidecar.sessions.fleet.store import FleetStore
from tests.sessions.redis_place import RedisPlace
from tests.sessions.redis_server import RedisServer
from tests.sessions.test_ends_told import listen

ID = "conv1"


def answered(counts: Counts) -> dict[str, int]:
    return {op: sum(calls.counts) for op, calls in counts.calls.items()}


async def test_each_verb_is_timed_as_itself(store: FleetStore) -> None:
    assert answered(store.counts()) == dict.fromkeys(OPS, 0)
    await store.open(60, session_id=ID)
    await store.get(ID)
    await store.get(ID, touch=True)
    lease = await store.try_lease(ID)
    assert lease is not None
    await lease.release()
    assert len(await store.list_sessions(10)) == 1
    await store.save(ID, {"n": 1})
    assert await store.state(ID) == {"n": 1}
    await store.append(ID, [{"turn": 1}, {"turn": 2}])
    await store.drop_events(ID, 1)
    assert await store.events(ID) == [{"turn": 2}]
    await store.put_data(ID, "key", b"1")
    assert await store.get_data(ID, "key") == b"1"
    assert await store.data_keys(ID) == ["key"]
    assert await store.delete_data(ID, "key")
    await store.sweep.tick()
    await store.close(ID)
    # A turn is taken and given back; a page of the list is its ids and what they are.
    asked = {"open": 1, "get": 2, "lease": 2, "list": 2, "state": 2, "events": 3, "data": 4}
    assert answered(store.counts()) == asked | {"sweep": 1, "close": 1}
    assert all(0 < calls.total < 2 for calls in store.counts().calls.values())
    assert sum(store.counts().errors.values()) == 0


async def test_what_is_not_found_is_an_answer(store: FleetStore) -> None:
    for call in (store.get("none"), store.close("none"), store.state("none")):
        with pytest.raises(Exception, match="session not found"):
            await call
    counts = store.counts()
    assert sum(answered(counts).values()) == 3
    assert sum(counts.errors.values()) == counts.closed == sum(counts.ages.counts) == 0


@pytest.mark.parametrize("outage", ["kill", "pause"])
async def test_what_gets_no_answer_is_an_error_of_its_verb(
    server: RedisServer, store: FleetStore, outage: str
) -> None:
    await store.open(60, session_id=ID)
    {"kill": server.kill, "pause": server.pause}[outage]()
    for call in (
        store.get(ID),
        store.get(ID),
        store.open(60),
        store.close(ID),
        store.try_lease(ID),
        store.list_sessions(10),
        store.tally("replica"),
        store.save(ID, {}),
        store.append(ID, [{"turn": 1}]),
        store.put_data(ID, "key", b"1"),
        store.sweep.tick(),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    counts = store.counts()
    assert counts.errors == dict.fromkeys(OPS, 1) | {"get": 2, "list": 2}
    assert answered(counts) == dict.fromkeys(OPS, 0) | {"open": 1}
    assert (counts.opened, counts.closed, counts.refused) == (1, 0, 0)


async def test_without_memory_clients_are_refused_and_a_sweep_fails(
    redis_place: RedisPlace,
) -> None:
    store = redis_place.store()
    told = listen(store)
    await store.open(60, session_id=ID)
    redis_place.clock.advance(61)
    redis_place.server.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreFull):
            await store.open(60)
        with suppress(StoreFull):
            await store.sweep.tick()
    finally:
        redis_place.server.command("CONFIG", "SET", "maxmemory", "0")
    counts = store.counts()
    assert (counts.refused, counts.errors["sweep"], counts.expired) == (1, 1, 0)
    await redis_place.sweep()
    assert [session.id for session, _ in told] == [ID]
    assert store.counts().expired == 1
