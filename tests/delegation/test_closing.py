"""Sessions closed by the engine's own API: by a client, by their time, by a shutdown."""

import asyncio
from typing import Any

import pytest

from sidecar.errors import (
    EngineError,
    SessionNotFound,
)
from tests.delegation.bench import PLAIN, TTL, after, answering, bodies, body_of, hold, in_turn
from tests.delegation.conftest import Make
from tests.harness.behaviours import says
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.sessions.contract import TmpfsPlace


async def opened(one: Any, engine: RecordingEngine) -> str:
    engine.on(b"/open", answering({"id": "e1"}))
    found: str = (await one.open()).id
    return found


async def test_closed_twice(bench: Make, engine: RecordingEngine) -> None:
    one = bench(PLAIN)
    session_id = await opened(one, engine)
    await one.keeper.close(session_id)
    with pytest.raises(SessionNotFound):
        await one.keeper.close(session_id)
    assert len(engine.at(b"/close")) == 1


async def test_of_two_that_close_one_succeeds(bench: Make, engine: RecordingEngine) -> None:
    one, other = bench(PLAIN), bench(PLAIN)
    session_id = await opened(one, engine)
    both = asyncio.Event()
    engine.on(b"/close", after(both, {}))
    closing = [asyncio.create_task(each.keeper.close(session_id)) for each in (one, other)]
    assert await eventually(lambda: len(engine.at(b"/close")) == 2)
    both.set()
    results = await asyncio.gather(*closing, return_exceptions=True)
    assert sorted(map(type, results), key=str) == sorted([type(None), SessionNotFound], key=str)


async def test_the_owner_is_asked_first(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/open", answering({"id": "e1"}))
    one = bench(PLAIN)
    session = await one.keeper.open(one.engine, None, "ada")
    with pytest.raises(SessionNotFound):
        await one.keeper.close(session.id, None, "eve")
    assert engine.at(b"/close") == []
    await one.keeper.close(session.id, None, "ada")


async def test_what_the_engine_does_not_know_any_more_is_closed(
    bench: Make, engine: RecordingEngine
) -> None:
    one = bench(PLAIN)
    session_id = await opened(one, engine)
    engine.on(b"/close", answering({"error": "no such session"}, b"404 Not Found"))
    await one.keeper.close(session_id)
    assert await one.live() == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (answering({"error": "busy"}, b"500 Oh"), 500),
        (answering({"error": "what?"}, b"400 Bad Request"), 400),
        (says(b"", then="reset"), 502),
        (hold, 504),
    ],
    ids=["500", "400", "reset", "silence"],
)
async def test_a_close_that_failed_can_be_tried_again(
    bench: Make, engine: RecordingEngine, failure: Any, status: int
) -> None:
    timeout = 0.2 if failure is hold else 10
    one = bench(PLAIN | {"close": PLAIN["close"] | {"timeout": timeout}})
    session_id = await opened(one, engine)
    engine.on(b"/close", in_turn(failure, answering({})))
    with pytest.raises(EngineError) as refused:
        await one.keeper.close(session_id)
    assert refused.value.status == status
    assert [each.id for each in await one.live()] == [session_id]
    await one.keeper.close(session_id)
    assert await one.live() == []


async def test_a_client_that_leaves_does_not_stop_a_close(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace
) -> None:
    one = bench(PLAIN)
    session_id = await opened(one, engine)
    answer = asyncio.Event()
    engine.on(b"/close", after(answer, {}))
    closing = asyncio.create_task(one.keeper.close(session_id))
    await engine.arrived(b"/close")
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    answer.set()
    assert await eventually(lambda: not any(place.path.glob("*-*")))


async def test_an_expired_session_is_closed_by_one_process(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace
) -> None:
    one, _ = bench(PLAIN), bench(PLAIN)
    await opened(one, engine)
    place.clock.advance(TTL + 1)
    await place.sweep()
    assert body_of(await engine.arrived(b"/close")) == {"id": "e1"}
    await one.stop()
    assert len(engine.at(b"/close")) == 1


async def test_forgotten_by_the_engine(bench: Make, engine: RecordingEngine) -> None:
    one = bench(PLAIN)
    session_id = await opened(one, engine)
    await one.keeper.forget(session_id)
    assert await one.live() == []
    await engine.arrived(b"/close")
    await one.keeper.forget(session_id)


async def test_on_shutdown_sessions_stay_unless_it_is_asked_for(
    bench: Make, engine: RecordingEngine
) -> None:
    """They outlive a restart of the sidecar, so the engine's side must, too."""
    one = bench(PLAIN)
    session_id = await opened(one, engine)
    await one.stop()
    assert engine.at(b"/close") == []
    two = bench(PLAIN | {"close": PLAIN["close"] | {"on_shutdown": True}})
    await two.stop()
    assert bodies(engine, b"/close") == [{"id": "e1"}]
    with pytest.raises(SessionNotFound):
        await two.store.get(session_id)


async def test_without_a_close_call(bench: Make, engine: RecordingEngine) -> None:
    one = bench({"create": PLAIN["create"]})
    session_id = await opened(one, engine)
    await one.keeper.close(session_id)
    assert await one.live() == [] and engine.at(b"/close") == []


@pytest.mark.parametrize("rule", [{"generate": "uuid4"}, {"generate": "pool:4"}])
async def test_sessions_from_before_there_was_a_preset(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace, rule: Any
) -> None:
    """The engine never knew them."""
    one = bench(PLAIN | {"id": rule})
    old = [await one.store.open(TTL) for _ in range(2)]
    await one.keeper.close(old[0].id)
    place.clock.advance(TTL + 1)
    await place.sweep()
    assert await eventually(lambda: not any(place.path.glob("*-*-*")))
    await one.stop()
    assert engine.records == []


async def test_closed_by_the_engine_that_opened_it(bench: Make, engine: RecordingEngine) -> None:
    async with RecordingEngine(answering({"id": "same"})) as other:
        engine.on(b"/open", answering({"id": "same"}))
        one = bench(PLAIN, engine.port, other.port)
        sessions = [await one.keeper.open(each, None, None) for each in one.engines]
        assert [await one.store.state(session.id) for session in sessions] == [
            {"replica": str(each.address), "engine_id": "same"} for each in one.engines
        ]
        await one.keeper.close(sessions[1].id)
        assert (len(engine.at(b"/close")), len(other.at(b"/close"))) == (0, 1)
