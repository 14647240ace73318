"""What the hot path counts: plain numbers in lists, so that those of several processes add up."""

from time import monotonic
from typing import Any, get_args

from sidecar.dialects.intent import Intent
from sidecar.histogram import Histogram
from sidecar.turn import Turn

# A request can end before it has an intent: see Turn. "other" keeps the label bounded whatever is
# noted, so that a mistake elsewhere cannot fill a Prometheus server.
OTHER = "other"
INTENTS = (*(kind.name for kind in get_args(Intent)), "refused", "undecided", OTHER)
# By the hundred. 0: nothing was answered.
CODES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx", "other")

# From a reply out of a cache to a long generation.
DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# Our own share: around 0.1 ms, more where a body is read first.
OVERHEADS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1)


class PerIntent:
    __slots__ = ("codes", "duration")

    def __init__(self) -> None:
        self.codes = [0] * len(CODES)
        self.duration = Histogram(DURATIONS)

    def figures(self) -> dict[str, Any]:
        return {"codes": self.codes, "duration": self.duration.figures()}


class Tally:
    def __init__(self) -> None:
        self.intents = {name: PerIntent() for name in INTENTS}
        self.first_byte = Histogram(DURATIONS)
        self.overhead = Histogram(OVERHEADS)
        self.left = 0

    def figures(self) -> dict[str, Any]:
        return {
            "intents": {name: each.figures() for name, each in self.intents.items()},
            "first_byte": self.first_byte.figures(),
            "overhead": self.overhead.figures(),
            "left": self.left,
        }

    def note(self, turn: Turn) -> None:
        started, forwarded, first_byte = turn.started, turn.forwarded, turn.first_byte
        each = self.intents.get(turn.intent) or self.intents[OTHER]
        each.codes[turn.status // 100 if turn.status < 600 else -1] += 1
        each.duration.note(monotonic() - started)
        if forwarded is not None:
            self.overhead.note(forwarded - started)
        if first_byte is not None:
            self.first_byte.note(first_byte - started)
        if turn.left:
            self.left += 1
