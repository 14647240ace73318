"""What every store promises, whichever it is."""

import asyncio
import math
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from sidecar.errors import SessionNotFound, StoreFull
from sidecar.sessions.session import is_well_formed
from sidecar.sessions.store import Store
from tests.sessions.contract import Place

T = TypeVar("T")

DAY = 86_400.0
UNKNOWN = "2c5b2ba8-6c7c-4b0c-9a0e-3a3f6a3d6f10"

# What a client may send as an id and must get nothing for.
STRANGE_IDS = [
    UNKNOWN,
    "",
    ".",
    "..",
    "/",
    "../../etc/passwd",
    "%2e%2e%2f",
    "NEW_SESSION",
    ".tmp-x",
    ".del-x",
    ".sidecar",
    "-leading",
    "trailing-",
    "under_score",
    "with space",
    "line\nfeed",
    "return\rhere",
    "nul\0byte",
    "tab\there",
    "ende\u0301",
    "\u0661\u0662",
    "surrogate\udcff",
    "*",
    "a" * 255,
    "a" * 256,
    "a" * 257,
    "a" * 100_000,
]


async def is_live(store: Store, session_id: str) -> bool:
    try:
        await store.get(session_id)
    except SessionNotFound:
        return False
    return True


async def test_what_was_opened_is_found(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    assert (await store.get(opened.id)).id == opened.id


async def test_a_session_says_when_it_was_made_and_when_it_ends(place: Place) -> None:
    store = place.store()
    made = place.clock.wall()
    opened = await store.open(60)
    place.clock.advance(10)
    found = await store.get(opened.id)
    assert opened.created == made
    assert found.created == pytest.approx(made, abs=1e-6)
    assert opened.expires == math.floor(made + 60)
    assert found.expires == opened.expires


async def test_ids_are_new_well_formed_and_short_enough_for_the_header(place: Place) -> None:
    store = place.store()
    ids = {(await store.open(60)).id for _ in range(100)}
    assert len(ids) == 100
    assert all(is_well_formed(each) and 22 <= len(each) <= 225 for each in ids)
    assert not any(re.search(r"[^a-f0-9-]", each) for each in ids)


@pytest.mark.parametrize("session_id", STRANGE_IDS, ids=lambda each: repr(each)[:24])
async def test_an_id_that_we_did_not_make_is_not_found(place: Place, session_id: str) -> None:
    store = place.store()
    with pytest.raises(SessionNotFound) as used:
        await store.get(session_id)
    with pytest.raises(SessionNotFound) as closed:
        await store.close(session_id)
    for message in (used.value.message, closed.value.message):
        assert message.startswith("session not found: ")
        assert message.isprintable()
        assert len(message) <= len("session not found: ") + 256


async def test_close_ends_it_and_a_second_close_finds_nothing(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    await store.close(opened.id)
    assert not await is_live(store, opened.id)
    with pytest.raises(SessionNotFound):
        await store.close(opened.id)


async def test_close_leaves_the_others(place: Place) -> None:
    store = place.store()
    first, second = await store.open(60), await store.open(60)
    await store.close(first.id)
    assert await is_live(store, second.id)


async def test_a_session_lives_until_the_announced_second_and_no_longer(place: Place) -> None:
    store = place.store()
    used, closed = await store.open(60), await store.open(60)
    place.clock.advance_to(used.expires - 0.001)
    assert await is_live(store, used.id)
    place.clock.advance_to(used.expires)
    assert not await is_live(store, used.id)
    with pytest.raises(SessionNotFound):
        await store.close(closed.id)


@pytest.mark.parametrize("step", [DAY, -DAY, 0.9])
async def test_setting_the_wall_clock_neither_ends_nor_prolongs(place: Place, step: float) -> None:
    store = place.store()
    opened = await store.open(60)
    left = opened.expires - place.clock.wall()
    place.clock.set_back(step)
    assert await is_live(store, opened.id)
    assert await is_live(place.store(), opened.id)
    place.clock.advance(left - 0.001)
    assert await is_live(store, opened.id)
    place.clock.advance(0.002)
    assert not await is_live(store, opened.id)


async def test_above_the_maximum_only_new_sessions_are_refused(place: Place) -> None:
    store = place.store(max_sessions=2)
    first, second = await store.open(60), await store.open(60)
    with pytest.raises(StoreFull) as refused:
        await store.open(60)
    assert refused.value.retry_after
    assert store.count() == 2
    assert await is_live(store, first.id)
    await store.close(second.id)
    assert await is_live(store, (await store.open(60)).id)


async def test_the_maximum_counts_what_another_process_opened(place: Place) -> None:
    one, other = place.store(max_sessions=2), place.store(max_sessions=2)
    await one.open(60)
    await other.open(60)
    with pytest.raises(StoreFull):
        await one.open(60)


async def test_count_follows_open_and_close(place: Place) -> None:
    store = place.store()
    ids = [(await store.open(60)).id for _ in range(5)]
    assert store.count() == 5
    for each in ids[:3]:
        await store.close(each)
    assert store.count() == 2


async def test_sessions_survive_a_restart_and_closed_ones_stay_closed(place: Place) -> None:
    former = place.store()
    kept, closed = await former.open(60), await former.open(60)
    await former.close(closed.id)
    await place.leave()
    store = place.store()
    await store.start()
    found = await store.get(kept.id)
    assert (found.id, found.expires) == (kept.id, kept.expires)
    assert not await is_live(store, closed.id)


async def test_time_that_passes_during_a_restart_counts(place: Place) -> None:
    opened = await place.store().open(60)
    await place.leave()
    place.clock.advance(61)
    assert not await is_live(place.store(), opened.id)


async def test_two_processes_see_the_same_sessions(place: Place) -> None:
    one, other = place.store(), place.store()
    opened = await one.open(60)
    assert await is_live(other, opened.id)
    await other.close(opened.id)
    assert not await is_live(one, opened.id)


async def test_of_many_closers_exactly_one_succeeds(place: Place) -> None:
    stores = [place.store() for _ in range(4)]
    opened = await stores[0].open(60)
    ends = await asyncio.gather(
        *(store.close(opened.id) for store in stores for _ in range(3)), return_exceptions=True
    )
    assert ends.count(None) == 1
    assert all(end is None or isinstance(end, SessionNotFound) for end in ends)


async def test_a_store_works_before_it_starts_and_can_stop_without(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    assert await is_live(store, opened.id)
    await place.leave()
    assert await is_live(place.store(), opened.id)


async def test_an_immediate_store_answers_with_one_step(place: Place) -> None:
    """The express lane steps these three by hand."""
    store = place.store()
    if not store.immediate:
        return

    def step(call: Coroutine[Any, Any, T]) -> T:
        with pytest.raises(StopIteration) as end:
            call.send(None)
        value: T = end.value.value
        return value

    opened = step(store.open(60, owner="a1", state={"a": 1}))
    assert step(store.get(opened.id, "a1", touch=True)).id == opened.id
    step(store.close(opened.id, "a1"))
    with pytest.raises(SessionNotFound):
        store.get(opened.id).send(None)
