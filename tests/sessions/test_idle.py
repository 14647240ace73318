"""Sessions that end when nobody touches them. Holds for every store."""

import pytest

from sidecar.errors import SessionNotFound
from tests.sessions.contract import Place


async def test_untouched_it_ends_after_its_idle_time(place: Place) -> None:
    store = place.store()
    opened = await store.open(600, idle=20)
    assert opened.expires == pytest.approx(place.clock.wall() + 20, abs=0.001)
    place.clock.advance(19.9)
    assert (await store.get(opened.id)).expires == pytest.approx(opened.expires, abs=0.001)
    place.clock.advance(0.2)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id, touch=True)


async def test_each_touch_begins_it_anew_in_any_process(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(600, idle=20)
    for number in range(6):
        place.clock.advance(19)
        found = await (store, other)[number % 2].get(opened.id, touch=True)
        assert found.expires == pytest.approx(place.clock.wall() + 20, abs=0.001)
        assert found.created == pytest.approx(opened.created, abs=1e-6)
        for each in (store, other):
            assert (await each.get(opened.id)).expires == pytest.approx(found.expires, abs=0.001)


async def test_no_touch_moves_the_end_beyond_the_lifetime(place: Place) -> None:
    store = place.store()
    began = place.clock.wall()
    opened = await store.open(50, idle=20)
    for _ in range(3):
        place.clock.advance(15)
        found = await store.get(opened.id, touch=True)
    assert found.expires == pytest.approx(int(began + 50), abs=0.001)
    place.clock.advance(5.1)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id, touch=True)


async def test_an_idle_time_above_the_lifetime_changes_nothing(place: Place) -> None:
    store = place.store()
    opened = await store.open(50, idle=3600)
    assert opened.expires == int(place.clock.wall() + 50)
    assert (await store.get(opened.id, touch=True)).expires == opened.expires


async def test_a_touch_leaves_a_fixed_lifetime_alone(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    place.clock.advance(30)
    assert (await store.get(opened.id, touch=True)).expires == opened.expires


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
async def test_setting_the_wall_clock_is_no_idle_time(place: Place, step: float) -> None:
    store = place.store()
    opened = await store.open(600, idle=20)
    place.clock.advance(10)
    place.clock.set_back(step)
    await store.get(opened.id, touch=True)
    place.clock.advance(19)
    assert (await store.get(opened.id)).id == opened.id
    place.clock.advance(1.1)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id)


async def test_it_goes_on_after_a_restart_and_a_save(place: Place) -> None:
    former = place.store()
    opened = await former.open(600, idle=20)
    await former.save(opened.id, {"engine": "1"})
    await place.leave()
    store = place.store()
    for _ in range(3):
        place.clock.advance(19)
        await store.get(opened.id, touch=True)
    place.clock.advance(21)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id)
