"""How old each session was at its end, whoever ended it. Holds for every store."""

import pytest

from sidecar.histogram import Histogram
from sidecar.sessions.counts import AGES
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.store import Store
from tests.sessions.contract import Place, TmpfsPlace, sweep
from tests.sessions.redis_place import RedisPlace
from tests.sessions.test_contract import DAY, is_live
from tests.sessions.test_ends_told import listen


def ages(*stores: Store) -> Histogram:
    """Of as many as were counted as ended."""
    counts = [store.counts() for store in stores]
    found = Histogram(AGES)
    for each in counts:
        found += each.ages
    assert sum(found.counts) == sum(each.closed + each.expired for each in counts)
    return found


def only(age: float, bound: float) -> tuple[dict[float, int], object]:
    """One session of that age, in the bucket up to that bound."""
    return {bound: 1}, pytest.approx(age, abs=0.001)


def seen(histogram: Histogram) -> tuple[dict[float, int], float]:
    bounds = (*AGES, float("inf"))
    counted = zip(bounds, histogram.counts, strict=True)
    return {bound: count for bound, count in counted if count}, histogram.total


async def test_of_one_that_a_client_closed(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(600)
    assert sum(ages(store).counts) == 0
    place.clock.advance(90)
    await other.close(opened.id)
    assert seen(ages(store, other)) == only(90, 300)
    with pytest.raises(Exception, match="session not found"):
        await store.close(opened.id)
    assert sum(ages(store, other).counts) == 1


@pytest.mark.parametrize("is_heard", [False, True])
@pytest.mark.parametrize("is_used", [False, True])
async def test_of_one_whose_time_was_over_however_late_that_is_seen(
    place: Place, is_heard: bool, is_used: bool
) -> None:
    store, other = place.store(), place.store()
    if is_heard:
        listen(store, other)
    opened = await store.open(600)
    place.clock.advance(3_000)
    if is_used:
        assert not await is_live(other, opened.id)
    await place.sweep()
    assert seen(ages(store, other)) == only(opened.expires - opened.created, 900)


async def test_an_idle_time_that_is_a_bound_falls_into_its_bucket(place: Place) -> None:
    store = place.store()
    for number in range(20):
        await store.open(3_000, idle=300, session_id=f"idle{number}")
        place.clock.advance(0.0137)
    place.clock.advance(310)
    await place.sweep()
    assert seen(ages(store))[0] == {300: 20}


@pytest.mark.parametrize("is_heard", [False, True])
async def test_of_the_former_session_when_its_id_is_taken_again(
    place: Place, is_heard: bool
) -> None:
    store, other = place.store(), place.store()
    if is_heard:
        listen(store, other)
    former = await store.open(30, session_id="conv1")
    place.clock.advance(45)
    await other.open(60, session_id="conv1")
    await place.sweep()
    assert seen(ages(store, other)) == only(former.expires - former.created, 60)
    await place.sweep()
    assert sum(ages(store, other).counts) == 1


@pytest.mark.parametrize("is_heard", [False, True])
async def test_the_wall_clock_set_back_makes_none_negative(place: Place, is_heard: bool) -> None:
    store = place.store()
    if is_heard:
        listen(store)
    closed, used, swept = [(await store.open(60)).id for _ in range(3)]
    place.clock.set_back(DAY)
    place.clock.advance(40)
    await store.close(closed)
    place.clock.advance(40)
    assert not await is_live(store, used)
    await place.sweep()
    assert not await is_live(store, swept)
    found = ages(store)
    assert sum(found.counts) == 3
    # The server of a fleet has a clock of its own.
    expected = (0, 0) if isinstance(place, TmpfsPlace) else (157, 161)
    assert expected[0] <= found.total <= expected[1]


async def test_those_of_two_processes_add_up(place: Place) -> None:
    one, other = place.store(), place.store()
    ids = [(await (one, other)[number % 2].open(60)).id for number in range(6)]
    place.clock.advance(10)
    await one.close(ids[0])
    await one.close(ids[1])
    await other.close(ids[2])
    place.clock.advance(60)
    assert not await is_live(other, ids[3])
    await place.sweep()
    assert seen(ages(one, other))[0] == {15: 3, 60: 3}


async def test_one_that_ended_with_the_machine_has_no_age(tmpfs: TmpfsPlace) -> None:
    """Nobody knows when that was."""
    opened = await tmpfs.store().open(60)
    (marker,) = (tmpfs.path / opened.id).iterdir()
    marker.rename(marker.with_name(".sidecar-ffffffff"))
    heir = tmpfs.store()
    sweep(heir)
    assert (heir.counts().expired, sum(heir.counts().ages.counts)) == (1, 0)


async def test_one_that_the_server_forgot_before_anybody_looked_is_not_counted(
    redis_place: RedisPlace,
) -> None:
    store = redis_place.store()
    await store.open(60)
    redis_place.clock.advance(2 * 3_600)
    await redis_place.sweep()
    assert sum(ages(store).counts) == 0
    assert redis_place.server.command("KEYS", "*").split() == []


@pytest.mark.parametrize("is_heard", [False, True])
async def test_a_damaged_one_has_no_age_and_keeps_no_other_from_its_end(
    redis_place: RedisPlace, is_heard: bool
) -> None:
    store = redis_place.store()
    if is_heard:
        listen(store)
    for session_id in ("swept", "taken", "whole"):
        await store.open(60, session_id=session_id)
    for session_id in ("swept", "taken"):
        redis_place.server.command("HDEL", f"{{sidecar}}:s:{session_id}", "created")
    redis_place.clock.advance(61)
    await store.open(60, session_id="taken")
    await redis_place.sweep()
    assert store.counts().expired == 3
    assert seen(store.counts().ages)[0] == {60: 1}


async def test_whoever_only_tells_of_an_end_does_not_count_it_again(
    redis_place: RedisPlace,
) -> None:
    """It was counted by the sidecar that was killed then."""
    killed, heir = redis_place.store(), redis_place.store()
    told = listen(killed, heir)
    opened = await killed.open(60)
    redis_place.clock.advance(61)
    keys = Keys("sidecar").of(opened.id)
    assert await killed._server.run(scripts.EXPIRE, keys, opened.id, 1)
    redis_place.clock.advance(31)
    await redis_place.sweep()
    assert [(session.id, why) for session, why in told] == [(opened.id, "adopted")]
    assert sum(ages(killed, heir).counts) == 0
