"""Pages of sessions, for an operator. Holds for every store."""

import pytest

from sidecar.sessions.session import Session
from sidecar.sessions.store import Store
from tests.sessions.contract import Place


async def pages(store: Store, limit: int) -> list[Session]:
    found: list[Session] = []
    while page := await store.list_sessions(limit, found[-1].id if found else ""):
        assert len(page) <= limit
        found += page
        if len(page) < limit:
            break
    return found


async def test_none(place: Place) -> None:
    assert await place.store().list_sessions(10) == []


@pytest.mark.parametrize("limit", [1, 4, 12, 13, 100])
async def test_page_by_page_each_live_session_comes_once(place: Place, limit: int) -> None:
    store, other = place.store(), place.store()
    opened = [await (store, other)[number % 2].open(60) for number in range(12)]
    ended = [await store.open(30) for _ in range(12)]
    for each in ended[:6]:
        await store.close(each.id)
    place.clock.advance(40)
    found = await pages(store, limit)
    assert [each.id for each in found] == sorted(each.id for each in opened)
    assert {each.expires for each in found} == {opened[0].expires}


async def test_each_is_told_as_a_use_tells_it(place: Place) -> None:
    store = place.store()
    for options in ({}, {"owner": "a1"}, {"state": {"replica": 1}}):
        await store.open(60, **options)
    await store.open(60, idle=10)
    for each in await store.list_sessions(10):
        assert each == await store.get(each.id)
