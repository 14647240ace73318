"""Times in buckets, as plain numbers in a list, so that those of several processes add up."""

from bisect import bisect_left
from typing import Any, Self


class Histogram:
    """counts: of each bucket alone, the last one without a bound. For one thread to write."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def __add__(self, other: Self) -> Self:
        """Of the same bounds."""
        added = type(self)(self.bounds)
        added.counts = [sum(pair) for pair in zip(self.counts, other.counts, strict=True)]
        added.total = self.total + other.total
        return added

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def figures(self) -> dict[str, Any]:
        return {"counts": self.counts, "total": self.total}
