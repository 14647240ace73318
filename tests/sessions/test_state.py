"""What the sidecar itself keeps of a session. Holds for every store."""

import math
from typing import Any

import pytest

from sidecar.errors import BodyTooLarge, SessionNotFound
from sidecar.sessions.store import STATE_LIMIT, Store
from tests.sessions.contract import Place

STATES: list[dict[str, Any]] = [
    {},
    {"engine": "seq-17", "replica": 2, "carried": {"slot": 3, "deep": [[None, True, 1.5]]}},
    {"caf\u00e9 \U0001f600": '"\\\n\0', "lone surrogate": "\udc80"},
    {"number": 2**64, "float": 0.1},
]


@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
async def test_what_was_given_or_saved_comes_back(place: Place, state: dict[str, Any]) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60, state=state)
    saved = await store.open(60)
    await store.save(saved.id, state)
    assert opened.state == state
    for each in (store, other):
        for session_id in (opened.id, saved.id):
            assert await each.state(session_id) == state
            assert (await each.get(session_id)).state == state


async def test_a_save_replaces_all_of_it_and_the_next_use_sees_it(place: Place) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60, state={"first": 1})
    for number in range(20):
        await (store, other)[number % 2].save(opened.id, {"number": number})
        for each in (store, other):
            assert (await each.get(opened.id)).state == {"number": number}


async def test_a_caller_that_changes_what_it_got_changes_nothing(place: Place) -> None:
    store = place.store()
    given: dict[str, Any] = {"list": [1]}
    opened = await store.open(60, state=given)
    given["list"].append(2)
    for _ in range(2):
        for got in (await store.state(opened.id), (await store.get(opened.id)).state):
            assert got == {"list": [1]}
            got["list"].append("mine")


async def test_a_save_does_not_move_the_end(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    place.clock.advance(30)
    await store.save(opened.id, {"engine": "1"})
    assert (await store.get(opened.id)).expires == opened.expires
    place.clock.advance(31)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id)


async def everything_about(store: Store, session_id: str) -> None:
    """Each call must say that there is no such session, and the last one must not revive it."""
    for call in (
        lambda: store.state(session_id),
        lambda: store.save(session_id, {"a": 1}),
        lambda: store.events(session_id),
        lambda: store.append(session_id, [{"a": 1}]),
        lambda: store.append(session_id, []),
        lambda: store.drop_events(session_id, 1),
        lambda: store.get_data(session_id, "key"),
        lambda: store.put_data(session_id, "key", b"1"),
        lambda: store.delete_data(session_id, "key"),
        lambda: store.data_keys(session_id),
        lambda: store.get(session_id),
    ):
        with pytest.raises(SessionNotFound):
            await call()


async def test_nothing_can_be_kept_in_what_is_not_live(place: Place) -> None:
    store = place.store()
    closed, expired = await store.open(60), await store.open(30)
    await store.close(closed.id)
    place.clock.advance(31)
    for session_id in (
        closed.id,
        expired.id,
        "never-opened",
        "",
        "..",
        ".",
        "a/b",
        "nul\0",
        "x" * 300,
    ):
        await everything_about(store, session_id)


async def test_a_state_has_a_largest_size(place: Place) -> None:
    store = place.store()
    largest = {"x": '"' * ((STATE_LIMIT - len('{"x":""}')) // 2)}
    opened = await store.open(60, state=largest)
    await store.save(opened.id, largest)
    assert (await store.get(opened.id)).state == largest
    before = store.count()
    with pytest.raises(BodyTooLarge, match=str(STATE_LIMIT)):
        await store.open(60, state={"x": "y" * STATE_LIMIT})
    with pytest.raises(BodyTooLarge, match=str(STATE_LIMIT)):
        await store.save(opened.id, {"x": "y" * STATE_LIMIT})
    assert store.count() == before
    assert await store.state(opened.id) == largest


async def test_what_is_no_json_is_a_mistake_of_the_caller(place: Place) -> None:
    store = place.store()
    opened = await store.open(60, state={"a": 1})
    with pytest.raises(TypeError):
        await store.save(opened.id, {"clock": math})
    with pytest.raises(TypeError):
        await store.append(opened.id, [{"fine": 1}, {"clock": math}])
    assert await store.state(opened.id) == {"a": 1}
    assert await store.events(opened.id) == []
