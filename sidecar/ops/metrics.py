"""The metrics, made when they are asked for, out of what has been counted until then."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

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
from sidecar.ops.figures import Figures
from sidecar.ops.tally import CODES, DURATIONS, OVERHEADS
from sidecar.sessions.counts import AGES, CALLS


def metrics(figures: Figures, *, sessions: int, engine_up: bool) -> CollectorRegistry:
    """Bounded whatever clients send: no label holds anything that they chose."""
    registry = CollectorRegistry()
    registry.register(_Collected(figures, sessions, engine_up))
    ProcessCollector(registry=registry)
    return registry


class _Collected(Collector):
    def __init__(self, figures: Figures, sessions: int, engine_up: bool) -> None:
        self._figures = figures
        self._sessions = sessions
        self._engine_up = engine_up

    def collect(self) -> Iterator[Metric]:
        yield from _of_requests(self._figures)
        yield from _of_connections(self._figures)
        yield _gauge("sidecar_sessions_active", "Live sessions", self._sessions)
        yield from _of_sessions(self._figures["sessions"])
        yield _ages(self._figures["ages"])
        yield from _of_store(self._figures["store"])
        yield _gauge("sidecar_engine_up", "1 while the engine is ready", self._engine_up)
        yield CounterMetricFamily(
            "sidecar_engine_restarts",
            "Starts of the engine after the first",
            self._figures["restarts"],
        )
        yield CounterMetricFamily(
            "sidecar_log_lines_dropped", "Lines stdout did not take", self._figures["dropped"]
        )
        yield InfoMetricFamily("sidecar_build", "What runs here", {"version": __version__})


def _of_requests(figures: Figures) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "sidecar_requests", "Requests that have ended", labels=["intent", "code"]
    )
    duration = HistogramMetricFamily(
        "sidecar_request_duration_seconds", "Until the answer's last byte", labels=["intent"]
    )
    for intent, each in figures["intents"].items():
        for code, count in zip(CODES, each["codes"], strict=True):
            ended.add_metric([intent, code], count)
        buckets, total = _buckets(DURATIONS, each["duration"])
        duration.add_metric([intent], buckets, total)
    yield ended
    yield duration
    for name, meaning, bounds in (
        ("first_byte", "Until the engine's head had come", DURATIONS),
        ("overhead", "Until the request's head went to the engine", OVERHEADS),
    ):
        buckets, total = _buckets(bounds, figures[name])
        yield HistogramMetricFamily(f"sidecar_{name}_seconds", meaning, buckets, total)


def _of_connections(figures: Figures) -> Iterator[Metric]:
    yield _gauge("sidecar_requests_in_flight", "Requests not yet answered", figures["in_flight"])
    yield _gauge("sidecar_connections", "Client connections", figures["connections"])
    yield CounterMetricFamily(
        "sidecar_client_disconnects", "Clients gone before their answer's end", figures["left"]
    )


def _of_sessions(counts: dict[str, Any]) -> Iterator[Metric]:
    yield CounterMetricFamily("sidecar_sessions_opened", "Sessions opened", counts["opened"])
    closed = CounterMetricFamily(
        "sidecar_sessions_closed", "Sessions ended, and by what", labels=["reason"]
    )
    closed.add_metric(["client"], counts["closed"])
    closed.add_metric(["expired"], counts["expired"])
    yield closed
    yield CounterMetricFamily(
        "sidecar_sessions_refused", "New sessions refused for want of room", counts["refused"]
    )
    yield CounterMetricFamily(
        "sidecar_sessions_planted",
        "Uses of what somebody else made to look like a session",
        counts["planted"],
    )


def _ages(histogram: dict[str, Any]) -> Metric:
    buckets, total = _buckets(AGES, histogram)
    return HistogramMetricFamily(
        "sidecar_session_age_seconds",
        "How old sessions were at their end; not of those that nobody saw end",
        buckets,
        total,
    )


def _of_store(store: dict[str, Any]) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "sidecar_store_errors", "What the store could not do", labels=["op"]
    )
    for op, count in store["errors"].items():
        errors.add_metric([op], count)
    yield errors
    calls = HistogramMetricFamily(
        "sidecar_store_operation_seconds",
        "Until the server of the sessions had answered; nothing where there is none",
        labels=["op"],
    )
    for op, histogram in store["calls"].items():
        buckets, total = _buckets(CALLS, histogram)
        calls.add_metric([op], buckets, total)
    yield calls


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)


def _buckets(
    bounds: tuple[float, ...], histogram: dict[str, Any]
) -> tuple[list[tuple[str, float]], float]:
    """Prometheus wants each bucket to hold the ones below it."""
    names = (*(repr(float(bound)) for bound in bounds), "+Inf")
    return list(zip(names, accumulate(histogram["counts"]), strict=True)), histogram["total"]
