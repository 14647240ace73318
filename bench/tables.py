"""Figures as Markdown tables."""

from collections.abc import Iterable, Sequence

from bench.figures import Figures
from bench.goals import GOALS, Goal


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def number(value: float | None) -> str:
    """Three digits are what a run is good for."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def measured(figures: Figures, measures: Sequence[str], heads: Sequence[str] = ()) -> str:
    """A row for each contender; `heads` where the measures' names are too long for one."""
    rows = (
        [name, *(number(figures.median(measure, name)) for measure in measures)]
        for name in figures.contenders(measures)
    )
    return table(["contender", *(heads or measures)], rows)


def compared(
    figures: Figures, measures: Sequence[str], subject: str, heads: Sequence[str] = ()
) -> str:
    """How many times the subject's cost each of the others has."""
    rows = (
        [name, *(number(figures.ratio(measure, name, subject)) for measure in measures)]
        for name in figures.contenders(measures)
        if name != subject
    )
    return table(["contender", *(heads or measures)], rows)


def goals(figures: Figures) -> str:
    heads = ["what", "of", "measured", "against", "measured", "ratio", "goal", ""]
    return table(heads, (_goal(one, figures) for one in GOALS))


def _goal(goal: Goal, figures: Figures) -> list[str]:
    value = goal.value(figures)
    ours = number(figures.median(goal.measure, goal.subject))
    verdict = "not measured" if value is None else "met" if goal.is_met(value) else "**missed**"
    if goal.peer is None:
        return [goal.measure, goal.subject, ours, "", "", "", goal.bound, verdict]
    theirs = number(figures.median(goal.measure, goal.peer))
    return [
        *(goal.measure, goal.subject, ours, goal.peer, theirs),
        *("" if value is None else f"{value:.2f}x", goal.bound, verdict),
    ]
