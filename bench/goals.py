"""What is to be reached, as data: a figure of the sidecar's, alone or beside a peer's."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Figures

EXPRESS = "sidecar"
LOGGING = "sidecar, access log on"
UNIX = "sidecar, Unix-socket engine"
WORKERS = "sidecar, 2 workers"
AIOHTTP = "sidecar, aiohttp lane"
PEER = "in-process peer"


def cpu(clients: int) -> str:
    return f"CPU us per request, c={clients}"


def events(streams: int) -> str:
    return f"CPU us per event, {streams} streams"


def opening(live: int) -> str:
    return f"NEW_SESSION, CPU us, {live:,} live"


def restoring(live: int) -> str:
    return f"restore {live:,} sessions, CPU s"


def sweeping(live: int) -> str:
    return f"sweep {live:,} sessions, p99 CPU ms of a turn of the loop"


NEW_HEADS = "CPU us per request, c=32, every head new"
ADDED = "added p50 us, c=1"
FIRST_EVENT = "first event of 1000 streams at once, p50 ms"
LAST_EVENT = "first event of 1000 streams at once, p99 ms"
IDLE = "KiB per idle connection"
STREAM = "KiB per open stream"
BASE = "base MiB"
START = "ms to listening"
DOWN, UP = "MiB more for a body down", "MiB more for a body up"
GONE = "client gone, ms until the engine sees it"


@dataclass(frozen=True)
class Goal:
    """Of the subject's figure alone, or, with a peer, of the ratio of both.

    `at_least` counts how many times the subject's cost the peer's is; `at_most` is the other way
    round.
    """

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


# At c=32 and at c=256.
_REQUESTS = {
    "nginx": (0.75, 0.75),
    "haproxy": (0.75, 0.75),
    "envoy": (1.75, 2.2),
    "vllm-router": (2.1, 2.1),
    "sglang-router": (2.4, 2.4),
    "caddy": (4.0, 4.0),
    "textbook aiohttp": (6.0, 10.0),
    PEER: (4.8, 4.8),
    "byte pump": (0.65, 0.65),
}
_OPENINGS = {1_000: 10, 10_000: 150, 100_000: 1500}
# That it does not grow, within what two runs of the same thing differ by.
_SAME = 1.05


def _goals() -> Iterator[Goal]:
    for peer, bounds in _REQUESTS.items():
        for clients, bound in zip((32, 256), bounds, strict=True):
            yield Goal(cpu(clients), peer, at_least=bound)
    for clients in (32, 256):
        yield Goal(cpu(clients), "nginx", at_least=0.9, subject=UNIX)
    yield Goal(ADDED, "nginx", at_most=1.15)
    for streams in (64, 256, 1000):
        yield Goal(events(streams), "nginx", at_least=0.9)
    yield Goal(FIRST_EVENT, "nginx", at_most=2)
    yield Goal(LAST_EVENT, "nginx", at_most=2)
    for measure, most in ((IDLE, 2), (STREAM, 3), (DOWN, 4), (UP, 4), (BASE, 45), (START, 350)):
        yield Goal(measure, at_most=most)
    for live, times in _OPENINGS.items():
        yield Goal(opening(live), PEER, at_least=times)
    yield Goal(sweeping(100_000), at_most=1)
    yield Goal(restoring(100_000), at_most=1)
    yield Goal(restoring(1_000_000), at_most=8)
    yield Goal(GONE, at_most=10)
    yield Goal(cpu(32), EXPRESS, at_most=_SAME, subject=WORKERS)


GOALS = tuple(_goals())
