"""Somebody is told of each session that ended by itself, once. Holds for every store."""

import pytest

from sidecar.sessions.session import Session
from sidecar.sessions.store import Store
from tests.sessions.contract import Place

Told = list[tuple[Session, str]]


def listen(*stores: Store) -> Told:
    told: Told = []
    for store in stores:
        store.on_ended = lambda session, why: told.append((session, why))
    return told


async def test_of_what_expired_and_was_swept(place: Place) -> None:
    store, other = place.store(), place.store()
    told = listen(store, other)
    state = {"engine": "seq-17", "replica": "http://a:1"}
    opened = await store.open(60, owner="a1", state=state)
    plain = await store.open(60)
    await place.sweep()
    assert told == []
    place.clock.advance(61)
    await place.sweep()
    assert sorted((session.id, why) for session, why in told) == sorted(
        [(opened.id, "expired"), (plain.id, "expired")]
    )
    (session,) = (session for session, _ in told if session.id == opened.id)
    assert (session.owner, session.state) == ("a1", state)
    assert session.expires == pytest.approx(opened.expires, abs=0.01)
    assert session.created == pytest.approx(opened.created, abs=1e-6)
    await place.sweep()
    assert len(told) == 2


async def test_of_one_that_idled_with_the_state_it_had_in_the_end(place: Place) -> None:
    store, other = place.store(), place.store()
    told = listen(store, other)
    opened = await store.open(600, idle=20)
    place.clock.advance(15)
    await other.get(opened.id, touch=True)
    await other.save(opened.id, {"engine": "2"})
    place.clock.advance(15)
    await place.sweep()
    assert told == []
    place.clock.advance(6)
    await place.sweep()
    assert [(session.id, session.state) for session, _ in told] == [(opened.id, {"engine": "2"})]


async def test_once_whoever_finds_it_first(place: Place) -> None:
    store, other = place.store(), place.store()
    told = listen(store, other)
    opened = await store.open(60, session_id="conv1", state={"n": 1})
    place.clock.advance(61)
    for each in (store, other):
        with pytest.raises(Exception, match="session not found"):
            await each.get(opened.id)
    await place.sweep()
    assert [session.id for session, _ in told] == [opened.id]


async def test_of_the_former_session_when_its_id_is_taken_again(place: Place) -> None:
    store, other = place.store(), place.store()
    told = listen(store, other)
    for number in range(3):
        await (store, other)[number % 2].open(30, session_id="conv1", state={"n": number})
        place.clock.advance(31)
    await store.open(60, session_id="conv1", state={"n": 3})
    await place.sweep()
    assert sorted(session.state["n"] for session, _ in told) == [0, 1, 2]
    assert (await store.get("conv1")).state == {"n": 3}


async def test_not_of_what_was_closed(place: Place) -> None:
    store = place.store()
    told = listen(store)
    opened = await store.open(60)
    await store.append(opened.id, [{"turn": 1}])
    await store.close(opened.id)
    place.clock.advance(61)
    await place.sweep()
    assert told == []


async def test_of_what_expired_while_nobody_was_there(place: Place) -> None:
    opened = await place.store().open(60, state={"engine": "1"})
    await place.leave()
    place.clock.advance(61)
    told = listen(place.store())
    await place.sweep()
    assert [(session.id, session.state) for session, _ in told] == [(opened.id, {"engine": "1"})]


async def test_a_listener_that_fails_harms_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = place.store()
    told: list[str] = []

    def fail(session: Session, why: str) -> None:
        told.append(session.id)
        raise RuntimeError("cannot reach the engine")

    store.on_ended = fail
    ids = [(await store.open(60)).id for _ in range(150)]
    place.clock.advance(61)
    await place.sweep()
    assert sorted(told) == sorted(ids)
    assert store.count() == 0
    assert len(caplog.records) == 150


async def test_by_the_background_without_any_traffic(place: Place) -> None:
    store = place.store()
    told = listen(store)
    await store.start()
    opened = await store.open(60, state={"engine": "1"})
    place.clock.advance(61)
    await place.until(lambda: bool(told))
    assert [(session.id, session.state) for session, _ in told] == [(opened.id, {"engine": "1"})]
