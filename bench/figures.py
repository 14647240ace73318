"""What was measured: for each measure and each contender one figure per round, and their ratios."""

import statistics
from collections import defaultdict
from collections.abc import Sequence


class Figures:
    def __init__(self) -> None:
        self._rounds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, measure: str, contender: str, figure: float) -> None:
        self._rounds[measure][contender].append(figure)

    def contenders(self, measures: Sequence[str]) -> list[str]:
        """Those with a figure in any of these, in the order of their first."""
        return list(dict.fromkeys(name for one in measures for name in self._rounds.get(one, ())))

    def measures(self, beginning: str) -> list[str]:
        return [one for one in self._rounds if one.startswith(beginning)]

    def median(self, measure: str, contender: str) -> float | None:
        rounds = self._rounds.get(measure, {}).get(contender)
        return statistics.median(rounds) if rounds else None

    def ratio(self, measure: str, above: str, below: str) -> float | None:
        """The median of the ratios of rounds that were measured side by side."""
        both = self._rounds.get(measure, {})
        pairs = zip(both.get(above, ()), both.get(below, ()), strict=False)
        found = [one / other for one, other in pairs if other > 0]
        return statistics.median(found) if found else None
