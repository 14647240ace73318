"""What the rounds find in a real store: how many sessions, and which are lost."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.engine.keeper import LOST, REPLICA, StoreKeeper
from sidecar.engine.outage import Condition
from sidecar.engine.replicas import Replicas
from sidecar.engine.rounds import INTERVAL, Rounds
from sidecar.errors import StoreUnavailable
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock
from tests.replicas.engines import GRACE, address, make, probed


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def store(clock: MovedClock) -> AsyncIterator[TmpfsStore]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        store = TmpfsStore(Root(Path(path) / "sessions"), clock=clock, ttl_limit=3600.0)
        yield store
        await store.stop()


async def open_on(replicas: Replicas, store: TmpfsStore, *ports: int) -> list[str]:
    keeper = StoreKeeper(store, 600, pins=True)
    engines = {str(engine.address): engine for engine in replicas.engines}
    return [(await keeper.open(engines[address(port)], None, None)).id for port in ports]


def counts(replicas: Replicas) -> list[int]:
    return [replicas.census.sessions(str(engine.address)) for engine in replicas.engines]


async def test_sessions_of_all_processes_are_counted(clock: MovedClock, store: TmpfsStore) -> None:
    """And what this one placed itself is not counted twice."""
    replicas = make(clock)
    opened = await open_on(replicas, store, 1, 1, 1, 2)
    assert counts(replicas) == [0, 0, 0]
    replicas.census.note_placed(address(1))
    await Rounds(replicas, store).make()
    assert counts(replicas) == [3, 1, 0]
    replicas.census.note_placed(address(3))
    assert counts(replicas) == [3, 1, 1]
    await store.close(opened[0])
    await Rounds(replicas, store).make()
    assert counts(replicas) == [2, 1, 0]
    clock.advance(601)
    await Rounds(replicas, store).make()
    assert counts(replicas) == [0, 0, 0]


async def test_sessions_of_another_contract_count_too(clock: MovedClock, store: TmpfsStore) -> None:
    """And are marked with the others."""
    replicas, apart = make(clock), store.apart("other", ttl_limit=3600.0)
    await open_on(replicas, store, 1)
    [theirs] = await open_on(replicas, apart, 1)
    rounds = Rounds(replicas, store, apart)
    await rounds.make()
    assert counts(replicas) == [2, 0, 0]
    probed(replicas.engines[0], Condition.GONE)
    clock.advance(GRACE + 0.001)
    await rounds.make()
    assert await lost_in(apart, [theirs]) == [True]
    await apart.stop()


async def test_what_is_placed_during_a_count_is_not_forgotten(
    clock: MovedClock, store: TmpfsStore
) -> None:
    replicas = make(clock)
    await open_on(replicas, store, 1, 2)
    taking = asyncio.create_task(replicas.census.take(store))
    await asyncio.sleep(0)
    replicas.census.note_placed(address(3))
    await taking
    assert counts(replicas) == [1, 1, 1]


async def lost_in(store: TmpfsStore, sessions: list[str]) -> list[bool]:
    return [LOST in await store.state(session) for session in sessions]


async def test_sessions_of_a_lost_replica_are_marked_for_good(
    clock: MovedClock, store: TmpfsStore
) -> None:
    replicas = make(clock)
    rounds = Rounds(replicas, store)
    sessions = await open_on(replicas, store, 1, 2, 1, 3)
    probed(replicas.engines[0], Condition.GONE)
    await rounds.make()
    assert await lost_in(store, sessions) == [False] * 4
    clock.advance(GRACE + 0.001)
    await rounds.make()
    assert await lost_in(store, sessions) == [True, False, True, False]
    probed(replicas.engines[0], Condition.READY)
    after = make(clock)  # the sidecar is restarted
    found = [after.is_lost(await store.get(session)) for session in sessions]
    assert found == [True, False, True, False]


async def test_what_else_the_state_holds_stays(clock: MovedClock, store: TmpfsStore) -> None:
    replicas = make(clock)
    state = {REPLICA: address(2), "engine_id": 7}
    session = await store.open(600, state=state)
    probed(replicas.engines[1], Condition.GONE)
    clock.advance(GRACE + 0.001)
    await Rounds(replicas, store).make()
    assert await store.state(session.id) == {**state, LOST: True}


async def test_each_outage_is_looked_at_anew(clock: MovedClock, store: TmpfsStore) -> None:
    replicas = make(clock)
    rounds = Rounds(replicas, store)
    for _ in range(2):
        [session] = await open_on(replicas, store, 3)
        assert await lost_in(store, [session]) == [False]
        probed(replicas.engines[2], Condition.GONE)
        clock.advance(GRACE + 0.001)
        await rounds.make()
        assert await lost_in(store, [session]) == [True]
        probed(replicas.engines[2], Condition.READY)
        await rounds.make()


async def test_nothing_is_marked_while_no_replica_is_ready(
    clock: MovedClock, store: TmpfsStore
) -> None:
    replicas = make(clock)
    rounds = Rounds(replicas, store)
    sessions = await open_on(replicas, store, 1, 2)
    for engine in replicas.engines:
        probed(engine, Condition.GONE)
    clock.advance(10 * GRACE)
    await rounds.make()
    assert await lost_in(store, sessions) == [False, False]
    probed(replicas.engines[2], Condition.READY)
    clock.advance(GRACE + 0.001)
    await rounds.make()
    assert await lost_in(store, sessions) == [True, True]


async def test_more_sessions_than_one_page_has(clock: MovedClock, store: TmpfsStore) -> None:
    replicas = make(clock)
    sessions = await open_on(replicas, store, *[1, 2] * 600)
    probed(replicas.engines[0], Condition.GONE)
    clock.advance(GRACE + 0.001)
    await Rounds(replicas, store).make()
    assert await lost_in(store, sessions) == [True, False] * 600


async def test_a_session_placed_anew_is_no_longer_lost(
    clock: MovedClock, store: TmpfsStore
) -> None:
    replicas = make(clock)
    session = await store.open(600, state={REPLICA: address(1), LOST: True, "kept": [1]})
    keeper = StoreKeeper(store, 600, pins=True)
    assert await keeper.move(session, replicas.engines[1])
    for seen in (session, await store.get(session.id)):
        assert not replicas.is_lost(seen)
        assert replicas.of(seen) is replicas.engines[1]
        assert seen.state == {REPLICA: address(2), "kept": [1]}


@pytest.mark.parametrize("marked, first", [({}, 1), ({LOST: True}, 1), ({LOST: True}, 0)])
async def test_of_two_requests_that_place_it_anew_the_first_wins(
    clock: MovedClock, store: TmpfsStore, marked: dict[str, bool], first: int
) -> None:
    """Or else one replica would have got a request that the session never hears of again."""
    replicas = make(clock)
    opened = await store.open(600, state={REPLICA: address(1), **marked})
    one, other = await store.get(opened.id), await store.get(opened.id)
    keeper = StoreKeeper(store, 600, pins=True)
    assert await keeper.move(one, replicas.engines[first])
    assert await keeper.move(other, replicas.engines[2])
    for seen in (one, other, await store.get(opened.id)):
        assert replicas.of(seen) is replicas.engines[first]
        assert not replicas.is_lost(seen)


class Failing(TmpfsStore):
    """A directory that cannot be read, for a while."""

    failures = 1

    async def tally(self, key: str) -> dict[str, int]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("Failed to list sessions: Input/output error")
        return await super().tally(key)


async def test_a_store_that_fails_is_asked_again(clock: MovedClock) -> None:
    replicas = make(clock)
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        store = Failing(Root(Path(path) / "sessions"), clock=clock, ttl_limit=3600.0)
        await open_on(replicas, store, 1)
        running = asyncio.create_task(Rounds(replicas, store).run())
        async with asyncio.timeout(5 * INTERVAL):
            while counts(replicas) != [1, 0, 0]:
                assert not running.done()
                await asyncio.sleep(0.02)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await store.stop()
