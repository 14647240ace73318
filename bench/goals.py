"""What is to be reached, as data: a figure of the sidecar's, alone or beside a peer's."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Figures

EXPRESS = "sidecar"
UNIX = "sidecar, Unix-socket engine"


@dataclass(frozen=True)
class Goal:
    """With a peer: how many times the sidecar's cost the peer's is, unless `at_most` is given,
    which turns the ratio over. Without one: the figure itself."""

    measure: str
    peer: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    subject: str = EXPRESS

    def value(self, figures: Figures) -> float | None:
        if self.peer is None:
            return figures.median(self.measure, self.subject)
        if self.at_most is not None:
            return figures.ratio(self.measure, self.subject, self.peer)
        return figures.ratio(self.measure, self.peer, self.subject)

    def is_met(self, value: float) -> bool:
        if self.at_least is not None and value < self.at_least:
            return False
        return self.at_most is None or value <= self.at_most

    @property
    def bound(self) -> str:
        times = "x" if self.peer else ""
        if self.at_least is not None:
            return f">= {self.at_least:g}{times}"
        return f"<= {self.at_most:g}{times}"


def cpu(clients: int, kind: str = "") -> str:
    return f"CPU us per request, c={clients}{kind}"


def events(streams: int) -> str:
    return f"CPU us per event, {streams} streams"


def opening(live: int) -> str:
    return f"NEW_SESSION us, {live} live"


NEW_HEADS = ", every head new"
ADDED = "added p50 us, c=1"
FIRST_EVENT = "ms to the first event of 1000 streams at once, p50"
LAST_EVENT = "ms to the first event of 1000 streams at once, p99"
IDLE = "KiB per idle connection"
STREAM = "KiB per open stream"
BASE = "base MiB"
START = "ms to listening"
DOWN, UP = "MiB more during a body down", "MiB more during a body up"

_REQUEST_GOALS = {
    "nginx": (0.75, 0.75),
    "haproxy": (0.75, 0.75),
    "envoy": (1.75, 2.2),
    "vllm-router": (2.1, 2.1),
    "sglang-router": (2.4, 2.4),
    "caddy": (4.0, 4.0),
    "textbook aiohttp": (6.0, 10.0),
    "in-process peer": (4.8, 4.8),
    "byte pump": (0.65, 0.65),
}


def _goals() -> Iterator[Goal]:
    for peer, bounds in _REQUEST_GOALS.items():
        for clients, bound in zip((32, 256), bounds, strict=True):
            yield Goal(cpu(clients), peer, at_least=bound)
    for clients in (32, 256):
        yield Goal(cpu(clients), "nginx", at_least=0.9, subject=UNIX)
    yield Goal(ADDED, "nginx", at_most=1.15)
    for streams in (64, 256, 1000):
        yield Goal(events(streams), "nginx", at_least=0.9)
    yield Goal(FIRST_EVENT, "nginx", at_most=2)
    yield Goal(LAST_EVENT, "nginx", at_most=2)
    yield Goal(IDLE, at_most=2)
    yield Goal(STREAM, at_most=3)
    yield Goal(DOWN, at_most=4)
    yield Goal(UP, at_most=4)
    yield Goal(BASE, at_most=45)
    yield Goal(START, at_most=350)
    for live, bound in ((1_000, 10), (10_000, 150), (100_000, 1500)):
        yield Goal(opening(live), "in-process peer", at_least=bound)


GOALS = tuple(_goals())
