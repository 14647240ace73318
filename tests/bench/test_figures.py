"""A ratio pairs what was measured side by side, and a goal says which way it is better."""

import pytest

from bench.figures import Figures
from bench.goals import EXPRESS, GOALS, Goal


@pytest.fixture
def figures() -> Figures:
    """The machine is twice as slow in the second round, and the sidecar left out of the third."""
    made = Figures()
    for ours, theirs in ((10, 30), (20, 60)):
        made.add("cost", EXPRESS, ours)
        made.add("cost", "peer", theirs)
    made.add("cost", "peer", 1000)
    return made


def test_a_ratio_is_of_one_round_not_of_two_medians(figures: Figures) -> None:
    assert figures.ratio("cost", "peer", EXPRESS) == 3


def test_what_was_not_measured_has_no_ratio(figures: Figures) -> None:
    assert figures.ratio("cost", "absent", EXPRESS) is None
    assert figures.ratio("unknown", "peer", EXPRESS) is None
    assert figures.median("cost", "absent") is None


def test_a_cost_of_nothing_divides_nothing() -> None:
    figures = Figures()
    for ours in (0, 5):
        figures.add("latency", "peer", 10)
        figures.add("latency", EXPRESS, ours)
    assert figures.ratio("latency", "peer", EXPRESS) == 2


@pytest.mark.parametrize(
    "goal, value, is_met",
    [
        (Goal("cost", "peer", at_least=2.9), 3, True),
        (Goal("cost", "peer", at_least=3.1), 3, False),
        (Goal("cost", "peer", at_most=0.34), 1 / 3, True),
        (Goal("cost", "peer", at_most=0.33), 1 / 3, False),
        (Goal("cost", at_most=15), 15, True),
        (Goal("cost", at_most=14), 15, False),
    ],
)
def test_a_goal_knows_which_way_is_better(
    figures: Figures, goal: Goal, value: float, is_met: bool
) -> None:
    assert goal.value(figures) == pytest.approx(value)
    assert goal.is_met(value) is is_met


def test_a_goal_has_one_bound() -> None:
    assert all((goal.at_least is None) != (goal.at_most is None) for goal in GOALS)
