"""When faults keep a replica from new requests, for how long, and what brings it back."""

from collections.abc import Callable

import pytest

from sidecar.engine.ejection import (
    FIRST_PAUSE,
    IN_A_ROW,
    JITTER,
    LONGEST_PAUSE,
    UNAVAILABLE,
    Ejection,
)
from tests.harness.clock import MovedClock

A, B, N, P, U = "answer", "break", "no connection", "probe", "unavailable"


def make(clock: MovedClock, chance: float = 0.5) -> Ejection:
    return Ejection(clock=clock.boot, chance=lambda: chance)


def play(ejection: Ejection, *story: str) -> None:
    acts: dict[str, Callable[[], None]] = {
        A: lambda: ejection.note_answer(200),
        B: ejection.note_break,
        N: ejection.note_no_connection,
        P: ejection.note_connection,
        U: lambda: ejection.note_answer(UNAVAILABLE),
    }
    for act in story:
        acts[act]()


STORIES = {
    "nothing yet": ([], False),
    "one break": ([B], False),
    "two breaks": ([B, B], False),
    "three breaks": ([B, B, B], True),
    "an answer in between": ([B, B, A, B, B], False),
    "a probe in between does not count": ([B, B, P, B], True),
    "no connection": ([N], True),
    "a probe that is let in ends it": ([N, P], False),
    "and the faults before it": ([B, B, N, P, B, B], False),
    "a probe that is let in does not end breaks": ([B, B, B, P], True),
    "an answer ends breaks": ([B, B, B, A], False),
    "an answer ends anything": ([N, A], False),
    "a refusal of what was on its way does not let a probe end breaks": ([B, B, B, N, P], True),
    "503 three times": ([U, U, U], True),
    "503 twice": ([U, U], False),
    "503 and breaks": ([U, B, U], True),
    "503 now and then": ([U, U, A, U, U, A, U], False),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_ejects(name: str) -> None:
    story, out = STORIES[name]
    ejection = make(MovedClock())
    play(ejection, *story)
    assert (ejection.left > 0) is out


@pytest.mark.parametrize("status", [200, 301, 400, 404, 429, 500, 501, 502, 504])
def test_any_other_answer_is_an_answer(status: int) -> None:
    ejection = make(MovedClock())
    for _ in range(10 * IN_A_ROW):
        ejection.note_answer(status)
    assert not ejection.left
    assert (ejection.answers, ejection.faults) == (10 * IN_A_ROW, 0)


def pause(ejection: Ejection, clock: MovedClock) -> float:
    """Let it pass, to the last moment and beyond."""
    length = ejection.left
    clock.advance(length - 0.001)
    assert ejection.left
    clock.advance(0.002)
    assert not ejection.left
    return length


def test_each_pause_is_twice_the_last_one_up_to_a_limit() -> None:
    clock = MovedClock()
    ejection = make(clock)
    play(ejection, B, B, B)
    pauses = [pause(ejection, clock)]
    for _ in range(8):
        play(ejection, B)  # on trial: one is enough
        pauses.append(pause(ejection, clock))
    assert pauses == pytest.approx([min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(9)])
    play(ejection, A, B, B)
    assert not ejection.left
    play(ejection, B)
    assert ejection.left == pytest.approx(FIRST_PAUSE)


def test_one_that_comes_and_goes_is_trusted_less_and_less() -> None:
    """A probe that is let in says nothing of requests."""
    clock = MovedClock()
    ejection = make(clock)
    pauses = []
    for _ in range(3):
        play(ejection, N)
        pauses.append(ejection.left)
        play(ejection, P)
    assert pauses == pytest.approx([1, 2, 4])
    play(ejection, A, N)  # but an answer is forgiveness
    assert ejection.left == pytest.approx(FIRST_PAUSE)


def test_faults_of_what_was_on_its_way_do_not_lengthen_a_pause() -> None:
    clock = MovedClock()
    ejection = make(clock)
    play(ejection, *[B] * 200)
    assert ejection.left == pytest.approx(FIRST_PAUSE)
    assert ejection.faults == 200


@pytest.mark.parametrize("chance, length", [(0.0, 1 - JITTER), (0.5, 1.0), (1.0, 1 + JITTER)])
def test_processes_do_not_try_again_in_step(chance: float, length: float) -> None:
    ejection = make(MovedClock(), chance)
    play(ejection, N)
    assert ejection.left == pytest.approx(FIRST_PAUSE * length)
