"""The log of a session. Holds for every store."""

from typing import Any

import pytest

from sidecar.errors import BodyTooLarge
from sidecar.sessions.store import EVENTS_LIMIT
from tests.sessions.contract import Place


def turns(first: int, last: int) -> list[dict[str, Any]]:
    return [{"turn": each, "text": "caf\u00e9\n\r\u2028\x00"} for each in range(first, last)]


async def test_events_come_back_in_the_order_of_their_coming(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60)
    assert await store.events(opened.id) == []
    await store.append(opened.id, turns(0, 1))
    await other.append(opened.id, turns(1, 4))
    await store.append(opened.id, [])
    await store.append(opened.id, turns(4, 6))
    assert await store.events(opened.id) == turns(0, 6)
    assert await other.events(opened.id) == turns(0, 6)


async def test_each_session_has_its_own(place: Place) -> None:
    store = place.store()
    one, other = await store.open(60), await store.open(60)
    await store.append(one.id, turns(0, 2))
    await store.append(other.id, turns(2, 3))
    assert await store.events(one.id) == turns(0, 2)
    assert await store.events(other.id) == turns(2, 3)


async def test_they_survive_a_restart(place: Place) -> None:
    former = place.store()
    opened = await former.open(60)
    await former.append(opened.id, turns(0, 3))
    await place.leave()
    store = place.store()
    await store.append(opened.id, turns(3, 4))
    assert await store.events(opened.id) == turns(0, 4)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 7, 100])
async def test_the_oldest_are_dropped(place: Place, count: int) -> None:
    store = place.store()
    opened = await store.open(60)
    await store.append(opened.id, turns(0, 2))
    await store.append(opened.id, turns(2, 6))
    await store.drop_events(opened.id, count)
    assert await store.events(opened.id) == turns(0, 6)[count:]
    await store.append(opened.id, turns(6, 8))
    assert await store.events(opened.id) == turns(0, 6)[count:] + turns(6, 8)


async def test_a_log_has_a_largest_size_and_dropping_makes_room(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    large = [{"text": "x" * (EVENTS_LIMIT // 3)}]
    await store.append(opened.id, large)
    await store.append(opened.id, large)
    with pytest.raises(BodyTooLarge, match=str(EVENTS_LIMIT)):
        await store.append(opened.id, [*turns(0, 1), *large])
    assert await store.events(opened.id) == [*large, *large]
    await store.append(opened.id, turns(0, 1))
    await store.drop_events(opened.id, 1)
    await store.append(opened.id, large)
    assert await store.events(opened.id) == [*large, *turns(0, 1), *large]


async def test_events_do_not_move_the_end(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    place.clock.advance(30)
    await store.append(opened.id, turns(0, 3))
    await store.drop_events(opened.id, 1)
    assert (await store.get(opened.id)).expires == opened.expires
