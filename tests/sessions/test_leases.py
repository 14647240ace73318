"""A session's turn: one holder in all processes. Holds for every store."""

import asyncio

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.store import Lease, Store
from tests.sessions.contract import Place
from tests.sessions.redis_place import RedisPlace


async def held(store: Store, session_id: str) -> Lease:
    lease = await store.try_lease(session_id)
    assert lease is not None
    return lease


async def test_one_has_it_until_it_is_given_back(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60)
    for number in range(3):
        lease = await held((store, other)[number % 2], opened.id)
        for each in (store, other):
            assert await each.try_lease(opened.id) is None
        await lease.release()
        await lease.release()
    await (await held(other, opened.id)).release()


async def test_a_second_release_does_not_free_the_next_holder(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60)
    first = await held(store, opened.id)
    await first.release()
    second = await held(other, opened.id)
    await first.release()
    assert await store.try_lease(opened.id) is None
    await second.release()


async def test_each_session_has_its_own(place: Place) -> None:
    store = place.store()
    leases = [await held(store, (await store.open(60)).id) for _ in range(5)]
    for each in leases:
        await each.release()


async def test_it_does_not_hinder_what_is_done_with_the_session(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60, idle=30)
    lease = await held(store, opened.id)
    await other.get(opened.id, touch=True)
    await other.append(opened.id, [{"turn": 1}])
    await other.save(opened.id, {"a": 1})
    await other.put_data(opened.id, "key", b"1")
    assert await store.data_keys(opened.id) == ["key"]
    await other.close(opened.id)
    await lease.release()
    with pytest.raises(SessionNotFound):
        await store.try_lease(opened.id)


async def test_what_is_not_live_has_none(place: Place) -> None:
    store = place.store()
    closed, expired = await store.open(60), await store.open(30)
    await store.close(closed.id)
    place.clock.advance(31)
    for session_id in (closed.id, expired.id, "never-opened", "", "..", "x" * 300):
        with pytest.raises(SessionNotFound):
            await store.try_lease(session_id)


@pytest.mark.parametrize("ends", ["closed", "expired"])
async def test_one_that_outlives_its_session_is_not_the_next_ones(place: Place, ends: str) -> None:
    store, other = place.store(), place.store()
    await store.open(30, session_id="conv1")
    former = await held(store, "conv1")
    if ends == "closed":
        await other.close("conv1")
    else:
        place.clock.advance(31)
    await other.open(60, session_id="conv1")
    lease = await held(other, "conv1")
    await former.release()
    assert await store.try_lease("conv1") is None
    await lease.release()
    await (await held(store, "conv1")).release()


async def test_of_many_that_ask_at_once_one_gets_it(place: Place) -> None:
    stores = [place.store() for _ in range(3)]
    opened = await stores[0].open(60)
    for _ in range(5):
        got = await asyncio.gather(*(each.try_lease(opened.id) for each in stores * 4))
        (lease,) = (each for each in got if each is not None)
        await lease.release()


async def test_a_holder_that_was_killed_holds_nobody_up(redis_place: RedisPlace) -> None:
    store, other = redis_place.store(), redis_place.store()
    opened = await store.open(60)
    await held(store, opened.id)
    renewing = store._leases._renewing
    assert renewing is not None
    renewing.cancel()
    redis_place.clock.advance(3.9)
    assert await other.try_lease(opened.id) is None
    redis_place.clock.advance(0.2)
    await (await held(other, opened.id)).release()


async def test_a_holder_that_works_for_long_keeps_it(redis_place: RedisPlace) -> None:
    store, other = redis_place.store(), redis_place.store()
    opened = await store.open(60)
    lease = await held(store, opened.id)
    for _ in range(2):
        redis_place.clock.advance(3)
        await asyncio.sleep(1.4)
        assert await other.try_lease(opened.id) is None
    # The server was away for longer than that, and nobody came meanwhile.
    redis_place.clock.advance(10)
    await asyncio.sleep(1.4)
    assert await other.try_lease(opened.id) is None
    await lease.release()
    await (await held(other, opened.id)).release()


async def test_a_request_that_is_cancelled_on_its_way_to_a_turn_leaves_none(
    redis_place: RedisPlace,
) -> None:
    store, other = redis_place.store(), redis_place.store()
    opened = await store.open(60)
    for step in range(40):
        asking = asyncio.create_task(store.try_lease(opened.id))
        for _ in range(step):
            await asyncio.sleep(0)
        asking.cancel()
        try:
            lease = await asking
        except asyncio.CancelledError:
            await asyncio.gather(*store._leases._returning)
        else:
            assert lease is not None
            await lease.release()
        await (await held(other, opened.id)).release()
