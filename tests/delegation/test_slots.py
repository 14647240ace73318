"""Slots of an engine, leased by several processes at once, and never to two sessions."""

import asyncio
from typing import Any

import pytest

from sidecar.delegation.calling import EngineFull
from sidecar.sessions.session import Session
from tests.delegation.bench import TTL, answering, hold
from tests.delegation.conftest import Make
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.sessions.contract import TmpfsPlace


def pool(size: int, **more: Any) -> dict[str, Any]:
    erase = {"path": "/slots/${engine_id}?action=erase", "body": {}}
    return {"id": {"generate": f"pool:{size}"}, "create": erase, "close": erase, **more}


def slots(sessions: list[Session]) -> list[int]:
    return sorted(session.state["engine_id"] for session in sessions)


async def test_each_session_has_its_own_until_it_is_closed(
    bench: Make, engine: RecordingEngine
) -> None:
    one = bench(pool(2))
    first, second = await one.open(), await one.open()
    assert slots([first, second]) == [0, 1]
    with pytest.raises(EngineFull, match="SIDECAR_PRESET_SLOTS") as refused:
        await one.open()
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    await one.keeper.close(first.id)
    assert (await one.open()).state["engine_id"] == 0


async def test_processes_that_race(bench: Make, engine: RecordingEngine) -> None:
    processes = [bench(pool(8)) for _ in range(4)]
    opening = [one.open() for one in processes for _ in range(4)]
    found = await asyncio.gather(*opening, return_exceptions=True)
    opened = [each for each in found if isinstance(each, Session)]
    refused = [each for each in found if not isinstance(each, Session)]
    assert slots(opened) == list(range(8))
    assert {type(each) for each in refused} == {EngineFull}
    assert slots(await processes[0].live()) == list(range(8))


async def test_a_refused_slot_is_free_again(bench: Make, engine: RecordingEngine) -> None:
    engine.on(b"/slots/0", answering({"error": "no slots"}, b"501 Not Implemented"))
    one = bench(pool(1))
    for _ in range(2):
        with pytest.raises(Exception, match="no slots"):
            await one.open()
    assert await one.live() == []


async def test_a_slot_whose_opener_was_killed_is_free_again(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace
) -> None:
    """Not at the end of the session's life, but as soon as nobody can be opening it any more."""
    engine.on(b"/slots/0", hold)
    killed, other = bench(pool(1)), bench(pool(1))
    opening = asyncio.create_task(killed.open())
    await engine.arrived(b"/slots/0")
    with pytest.raises(EngineFull):
        await other.open()
    place.clock.advance(80)
    assert TTL > 80
    engine.on(b"/slots/0", answering({}))
    assert (await other.open()).state["engine_id"] == 0
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def test_a_slot_is_kept_while_a_create_that_was_given_up_may_still_come(
    bench: Make, engine: RecordingEngine
) -> None:
    engine.on(b"/slots/0", hold)
    one = bench(pool(1))
    opening = asyncio.create_task(one.open())
    await engine.arrived(b"/slots/0")
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    with pytest.raises(EngineFull):
        await one.open()


async def test_an_expired_session_clears_its_slot_if_nobody_has_it(
    bench: Make, engine: RecordingEngine, place: TmpfsPlace
) -> None:
    one = bench(pool(1))
    expired = await one.open()
    place.clock.advance(TTL + 1)
    await place.sweep()
    assert await eventually(lambda: len(engine.at(b"/slots/0")) == 2)
    assert await eventually(lambda: not any(place.path.glob("*-*-*")))
    later = await one.open()
    one.keeper.ended(expired)  # told of twice, or late
    await one.stop()
    assert len(engine.at(b"/slots/0")) == 3, "the slot of a live session was cleared"
    assert [each.id for each in await one.live()] == [later.id]


async def test_a_restart_finds_what_is_taken(bench: Make, engine: RecordingEngine) -> None:
    before = bench(pool(1))
    session = await before.open()
    await before.stop()
    after = bench(pool(1))
    with pytest.raises(EngineFull):
        await after.open()
    await after.keeper.close(session.id)
    await after.open()


async def test_each_engine_has_slots_of_its_own(bench: Make, engine: RecordingEngine) -> None:
    async with RecordingEngine() as other:
        one = bench(pool(1), engine.port, other.port)
        for each in one.engines:
            await one.keeper.open(each, None, None)
            with pytest.raises(EngineFull, match=str(each.address)):
                await one.keeper.open(each, None, None)
        assert slots(await one.live()) == [0, 0]
