"""What a process has counted, as plain numbers in JSON's own types: those of several add up."""

import json
from typing import Any, Protocol, TypeAlias

from sidecar.ops.lines import Lines
from sidecar.ops.tally import Tally
from sidecar.sessions.counts import Counts

Figures: TypeAlias = dict[str, Any]


class Crowd(Protocol):
    """The clients' connections."""

    def __len__(self) -> int: ...

    def busy(self) -> int: ...


class Nobody:
    """The crowd of a process that serves no data."""

    def __len__(self) -> int:
        return 0

    def busy(self) -> int:
        return 0


class CountedStore(Protocol):
    def count(self) -> int: ...

    def counts(self) -> Counts: ...


def figures(
    tally: Tally, crowd: Crowd, store: CountedStore, lines: Lines, restarts: int = 0
) -> Figures:
    """restarts: of the engine."""
    return {
        **tally.figures(),
        **store.counts().figures(),
        "in_flight": crowd.busy(),
        "connections": len(crowd),
        "dropped": lines.dropped,
        "restarts": restarts,
    }


def as_line(own: Figures) -> bytes:
    """For the process that looks after several of us."""
    return json.dumps(own).encode() + b"\n"


def added(one: Any, other: Any) -> Any:
    """Number by number; both have the same form."""
    if isinstance(one, dict):
        return {name: added(one[name], other[name]) for name in one}
    if isinstance(one, list):
        return [added(*pair) for pair in zip(one, other, strict=True)]
    return one + other
