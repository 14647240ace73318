"""How often and how soon: the whole of the policy, in tables."""

import pytest

from sidecar.supervisor.budget import LONGEST_PAUSE, STEADY_SECONDS, Budget


@pytest.mark.parametrize(
    ("restarts", "pauses"),
    [(0, [None]), (1, [0.5, None]), (3, [0.5, 1.0, 2.0, None, None])],
)
def test_an_engine_that_never_gets_ready(restarts: int, pauses: list[float | None]) -> None:
    budget = Budget(restarts)
    assert [budget.pause(0.0) for _ in pauses] == pauses


def test_a_steady_engine_has_its_budget_back() -> None:
    budget = Budget(2)
    lives = [0.0, 59.9, STEADY_SECONDS, 0.0, 0.0]
    assert [budget.pause(ready_for) for ready_for in lives] == [0.5, 1.0, 0.5, 1.0, None]


def test_without_a_budget_a_steady_engine_is_not_started_again_either() -> None:
    assert Budget(0).pause(STEADY_SECONDS) is None


def test_pauses_have_an_end_however_many_there_are() -> None:
    budget = Budget(10_000)
    pauses = [budget.pause(0.0) for _ in range(10_000)]
    assert pauses[5:8] == [16.0, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
