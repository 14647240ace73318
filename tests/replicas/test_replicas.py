"""The choice of a replica and the loss of one, with the replicas' health in the test's hands."""

import socket
from collections import Counter

import pytest

from sidecar.engine.keeper import LOST
from sidecar.engine.outage import Condition
from sidecar.errors import EngineError, EngineNotReady
from sidecar.sessions.session import Session
from tests.harness.clock import MovedClock
from tests.harness.engines import free_port
from tests.harness.recording_engine import RecordingEngine
from tests.replicas.engines import GRACE, SILENCE, address, make, probed, session_on

READY, UNWELL, GONE = Condition


def test_new_sessions_go_to_the_fewest_in_turn() -> None:
    replicas = make(MovedClock())
    used = Counter(str(replicas.place(for_session=True).address) for _ in range(30))
    assert set(used.values()) == {10}


def test_what_is_placed_counts_before_the_store_is_asked() -> None:
    replicas = make(MovedClock())
    for _ in range(3):
        replicas.census.note_placed(address(1))
    chosen = [str(replicas.place(for_session=True).address) for _ in range(6)]
    assert Counter(chosen) == {address(2): 3, address(3): 3}


def test_requests_without_a_session_do_not_follow_the_sessions() -> None:
    replicas = make(MovedClock())
    replicas.census.note_placed(address(1))
    used = Counter(str(replicas.place().address) for _ in range(9))
    assert set(used.values()) == {3}


def test_an_ejected_one_gets_nothing_new_until_its_pause_is_over() -> None:
    clock = MovedClock()
    replicas = make(clock)
    replicas.engines[0].ejection.note_no_connection()
    for _ in range(6):
        assert replicas.place() is not replicas.engines[0]
        assert replicas.place(for_session=True) is not replicas.engines[0]
    clock.advance(1.001)
    assert replicas.place(for_session=True) is replicas.engines[0]


@pytest.mark.parametrize("condition", [UNWELL, GONE])
def test_one_that_is_not_ready_gets_nothing_new(condition: Condition) -> None:
    replicas = make(MovedClock())
    probed(replicas.engines[1], condition)
    assert replicas.engines[1] not in {replicas.place() for _ in range(6)}
    assert replicas.ready


def test_with_none_that_would_serve_the_least_doubtful_is_tried() -> None:
    replicas = make(MovedClock())
    for engine, condition in zip(replicas.engines, (GONE, UNWELL, GONE), strict=True):
        probed(engine, condition)
    assert {replicas.place() for _ in range(6)} == {replicas.engines[1]}
    probed(replicas.engines[1], GONE)
    assert {replicas.place() for _ in range(6)} == set(replicas.engines)
    assert not replicas.ready


def test_a_session_stays_wherever_it_is_and_whatever_that_one_has() -> None:
    replicas = make(MovedClock())
    engine = replicas.engines[2]
    for _ in range(5):
        replicas.census.note_placed(str(engine.address))
        engine.ejection.note_no_connection()
    probed(engine, UNWELL)
    assert replicas.of(session_on(3)) is engine
    assert not replicas.is_lost(session_on(3))


def test_a_session_of_the_time_with_one_engine_is_the_firsts() -> None:
    replicas = make(MovedClock())
    session = Session("some-id", 0.0, 60.0)
    assert not replicas.is_lost(session)
    assert replicas.of(session) is replicas.engines[0]


def test_a_session_of_a_replica_that_is_not_configured_is_lost() -> None:
    assert make(MovedClock()).is_lost(session_on(9))


def test_a_single_engine_never_loses_a_session() -> None:
    clock = MovedClock()
    replicas = make(clock, [1])
    probed(replicas.engines[0], GONE)
    clock.advance(10 * SILENCE)
    for session in (session_on(1), session_on(9), session_on(1, **{LOST: True})):
        assert not replicas.is_lost(session)
        assert replicas.of(session) is replicas.engines[0]


@pytest.mark.parametrize("condition, after", [(GONE, GRACE), (UNWELL, SILENCE)])
def test_loss(condition: Condition, after: float) -> None:
    clock = MovedClock()
    replicas = make(clock)
    probed(replicas.engines[0], condition)
    clock.advance(after - 0.001)
    assert not replicas.is_lost(session_on(1))
    clock.advance(0.002)
    assert replicas.is_lost(session_on(1))
    assert not replicas.is_lost(session_on(2))


def test_what_was_marked_stays_lost_when_the_replica_is_back() -> None:
    assert make(MovedClock()).is_lost(session_on(1, **{LOST: True}))


def test_where_none_is_ready_none_is_lost() -> None:
    """The trouble may be ours, or of all; then they come back one by one."""
    clock = MovedClock()
    replicas = make(clock)
    for engine in replicas.engines:
        probed(engine, GONE)
    clock.advance(10 * GRACE)
    assert not replicas.is_lost(session_on(1))
    probed(replicas.engines[2], READY)
    clock.advance(GRACE - 0.001)
    assert not replicas.is_lost(session_on(1))
    clock.advance(0.002)
    assert replicas.is_lost(session_on(1))


async def test_a_connection_that_is_refused_is_sought_elsewhere() -> None:
    async with RecordingEngine() as recording:
        replicas = make(MovedClock(), [free_port(), free_port(), recording.port])
        for first in replicas.engines:
            engine, connection = await replicas.connect(first)
            connection.abort()
            assert engine is replicas.engines[2]
        assert [engine.ejection.left > 0 for engine in replicas.engines] == [True, True, False]


@pytest.mark.parametrize("ready, kind", [(True, EngineError), (False, EngineNotReady)])
async def test_when_none_can_be_reached_all_are_named(ready: bool, kind: type[EngineError]) -> None:
    ports = [free_port() for _ in range(3)]
    replicas = make(MovedClock(), ports)
    for engine in replicas.engines:
        engine.ready = ready
    with pytest.raises(kind) as error:
        await replicas.connect(replicas.place())
    assert error.value.status == (502 if ready else 503)
    assert all(address(port) in error.value.message for port in ports)
    assert [engine.ejection.faults for engine in replicas.engines] == [1, 1, 1]


async def test_a_single_one_says_itself_what_is_wrong() -> None:
    port = free_port()
    replicas = make(MovedClock(), [port])
    with pytest.raises(EngineError, match=f"the engine at {address(port)} cannot be reached"):
        await replicas.connect(replicas.place())


async def test_the_next_one_is_tried_after_a_time_out_of_the_connection_too() -> None:
    """Nothing was sent."""
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        async with RecordingEngine() as recording:
            replicas = make(MovedClock(), [full.getsockname()[1], recording.port])
            engine, connection = await replicas.connect(replicas.engines[0])
            connection.abort()
            assert engine is replicas.engines[1]
            assert replicas.engines[0].ejection.left
