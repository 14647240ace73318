"""A session that has an owner is there for nobody else. Holds for every store."""

import pytest

from sidecar.errors import SessionNotFound
from tests.sessions.contract import Place

MINE, OTHERS = "a1" * 32, "b2" * 32


async def test_the_owner_finds_it_and_the_session_says_whose_it_is(place: Place) -> None:
    store = place.store()
    opened = await store.open(60, owner=MINE)
    assert opened.owner == MINE
    assert (await store.get(opened.id, MINE)).owner == MINE
    assert (await place.store().get(opened.id, MINE)).owner == MINE


@pytest.mark.parametrize("other", [OTHERS, MINE[:-1], MINE + "a", MINE.upper(), ""])
async def test_another_owner_is_told_what_is_told_of_no_session(place: Place, other: str) -> None:
    store = place.store()
    opened, unowned = await store.open(60, owner=MINE), "never-opened"
    for call in (store.get, store.close):
        with pytest.raises(SessionNotFound) as refused:
            await call(opened.id, other)
        with pytest.raises(SessionNotFound) as unknown:
            await call(unowned, other)
        assert refused.value.message.replace(opened.id, unowned) == unknown.value.message
        assert (refused.value.status, refused.value.kind) == (
            unknown.value.status,
            unknown.value.kind,
        )
    assert (await store.get(opened.id, MINE)).id == opened.id


async def test_without_a_name_nobody_is_asked(place: Place) -> None:
    """The sidecar's own work, such as an operator's close, is not that of an owner."""
    store = place.store()
    opened = await store.open(60, owner=MINE)
    assert (await store.get(opened.id)).owner == MINE
    await store.close(opened.id)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id, MINE)


async def test_a_session_of_nobody_is_not_found_by_name(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    assert opened.owner is None
    with pytest.raises(SessionNotFound):
        await store.get(opened.id, MINE)


async def test_the_owner_stays_over_saves_and_a_restart(place: Place) -> None:
    former = place.store()
    opened = await former.open(60, owner=MINE)
    await former.save(opened.id, {"engine": "7"})
    await place.leave()
    store = place.store()
    with pytest.raises(SessionNotFound):
        await store.get(opened.id, OTHERS)
    found = await store.get(opened.id, MINE)
    assert (found.owner, found.state) == (MINE, {"engine": "7"})
