"""The metrics, made when they are asked for, out of what others have counted."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.engine.engine import Engine
from sidecar.ops.lines import Lines
from sidecar.ops.tally import CODES, Histogram, PerIntent, Tally
from sidecar.sessions.counts import Counts


class Crowd(Protocol):
    """The clients' connections."""

    def __len__(self) -> int: ...

    def busy(self) -> int: ...


class CountedStore(Protocol):
    def count(self) -> int: ...

    def counts(self) -> Counts: ...


def metrics(
    tally: Tally, crowd: Crowd, store: CountedStore, engine: Engine, lines: Lines
) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Requests(tally, crowd))
    registry.register(_Sessions(store))
    registry.register(_Ourselves(engine, lines))
    ProcessCollector(registry=registry)
    return registry


class _Requests(Collector):
    def __init__(self, tally: Tally, crowd: Crowd) -> None:
        self._tally = tally
        self._crowd = crowd

    def collect(self) -> Iterator[Metric]:
        tally, crowd = self._tally, self._crowd
        yield _requests(tally.intents.items())
        yield _durations(tally.intents.items())
        yield _histogram("sidecar_first_byte_seconds", "To the engine's head", tally.first_byte)
        yield _histogram(
            "sidecar_overhead_seconds", "Until the head went on to the engine", tally.overhead
        )
        yield GaugeMetricFamily(
            "sidecar_requests_in_flight", "Requests not yet answered", crowd.busy()
        )
        yield GaugeMetricFamily("sidecar_connections", "Client connections", len(crowd))
        yield CounterMetricFamily(
            "sidecar_client_disconnects", "Clients gone before their answer's end", tally.left
        )


class _Sessions(Collector):
    def __init__(self, store: CountedStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        counts = self._store.counts()
        yield GaugeMetricFamily("sidecar_sessions_active", "Live sessions", self._store.count())
        yield CounterMetricFamily("sidecar_sessions_opened", "Sessions opened", counts.opened)
        closed = CounterMetricFamily(
            "sidecar_sessions_closed", "Sessions ended, and by what", labels=["reason"]
        )
        closed.add_metric(["client"], counts.closed)
        closed.add_metric(["expired"], counts.expired)
        yield closed
        yield CounterMetricFamily(
            "sidecar_sessions_refused", "Refused for want of room", counts.refused
        )
        yield CounterMetricFamily(
            "sidecar_store_errors", "What the store could not do", counts.failed
        )


class _Ourselves(Collector):
    def __init__(self, engine: Engine, lines: Lines) -> None:
        self._engine = engine
        self._lines = lines

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "sidecar_engine_up", "1 while the engine is ready", self._engine.ready
        )
        yield CounterMetricFamily(
            "sidecar_log_lines_dropped", "Lines that stdout did not take", self._lines.dropped
        )
        yield InfoMetricFamily("sidecar_build", "The version", {"version": __version__})


def _requests(intents: Iterable[tuple[str, PerIntent]]) -> Metric:
    family = CounterMetricFamily(
        "sidecar_requests", "Requests that have ended", labels=["intent", "code"]
    )
    for intent, each in intents:
        for code, count in zip(CODES, each.codes, strict=True):
            family.add_metric([intent, code], count)
    return family


def _durations(intents: Iterable[tuple[str, PerIntent]]) -> Metric:
    family = HistogramMetricFamily(
        "sidecar_request_duration_seconds", "To the answer's last byte", labels=["intent"]
    )
    for intent, each in intents:
        family.add_metric([intent], _buckets(each.duration), each.duration.total)
    return family


def _histogram(name: str, meaning: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(
        name, meaning, buckets=_buckets(histogram), sum_value=histogram.total
    )


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = (*(repr(float(bound)) for bound in histogram.bounds), "+Inf")
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
