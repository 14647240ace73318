"""What became of the sessions, and of what their store was asked, since this process started."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from sidecar.histogram import Histogram

# The verbs of the contract; "data", "events" and "state" each stand for all that is done with them.
Op: TypeAlias = Literal["open", "get", "close", "lease", "list", "state", "events", "data", "sweep"]
OPS: tuple[Op, ...] = get_args(Op)

# From a probe's session to one of a week; the lifetimes that are defaults are bounds of their own:
# 20 minutes, AgentCore's 15 minutes and 8 hours.
AGES = (1, 5, 15, 60, 300, 900, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)
# A server beside us answers in 0.2 ms; after 0.7 s it is given up.
CALLS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


@dataclass(slots=True)
class Counts:
    opened: int = 0
    closed: int = 0
    expired: int = 0
    refused: int = 0
    planted: int = 0
    ages: Histogram = field(default_factory=lambda: Histogram(AGES))
    """How old those of `closed` and `expired` were at their end, as far as that is known."""
    errors: dict[Op, int] = field(default_factory=lambda: dict.fromkeys(OPS, 0))
    calls: dict[Op, Histogram] = field(default_factory=dict)
    """Until the server of a store on one had answered; of another store there are none."""

    def note_closed(self, age: float | None) -> None:
        self.closed += 1
        self._note_age(age)

    def note_expired(self, age: float | None) -> None:
        self.expired += 1
        self._note_age(age)

    def _note_age(self, age: float | None) -> None:
        """None: nobody knows. Less than nothing: the clock was set back meanwhile."""
        if age is not None:
            self.ages.note(max(0.0, age))

    def figures(self) -> dict[str, Any]:
        """The first ones are those of the sessions, and numbers only."""
        names = ("opened", "closed", "expired", "refused", "planted")
        return {
            "sessions": {name: getattr(self, name) for name in names},
            "ages": self.ages.figures(),
            "store": {
                "errors": self.errors,
                "calls": {op: each.figures() for op, each in self.calls.items()},
            },
        }
