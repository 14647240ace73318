"""How many live sessions each replica has: what was counted last, and what was placed since.

Only the store knows the sessions of all processes, and of the time before a restart. To ask it is
to walk through all of them, so that is done in the background, now and then.
"""

from collections import Counter

from sidecar.engine.engine import Engine


class Census:
    def __init__(self) -> None:
        self._counted: Counter[Engine] = Counter()
        self._placed: Counter[Engine] = Counter()

    def sessions(self, engine: Engine) -> int:
        return self._counted[engine] + self._placed[engine]

    def note_placed(self, engine: Engine) -> None:
        self._placed[engine] += 1

    def begin(self) -> "Count":
        return Count(self, self._placed.copy())

    def replace(self, counted: Counter[Engine], included: Counter[Engine]) -> None:
        """included: of what was placed, what had been placed when the count began."""
        self._counted = counted
        self._placed -= included


class Count:
    """One walk through all sessions. What is placed meanwhile may be met or not, so it is counted
    twice rather than not at all, until the next walk."""

    def __init__(self, census: Census, placed_before: Counter[Engine]) -> None:
        self._census = census
        self._before = placed_before
        self._found: Counter[Engine] = Counter()

    def note(self, engine: Engine) -> None:
        self._found[engine] += 1

    def finish(self) -> None:
        self._census.replace(self._found, self._before)
