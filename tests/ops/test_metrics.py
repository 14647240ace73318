"""What is counted is what comes out, in both forms of Prometheus, and never too much of it."""

import json
import time

import pytest
from prometheus_client import generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sidecar.histogram import Histogram
from sidecar.ops.figures import Figures, Nobody, added, as_line, figures
from sidecar.ops.lines import Lines
from sidecar.ops.metrics import metrics
from sidecar.ops.tally import Tally
from sidecar.sessions.counts import CALLS, OPS, Counts
from sidecar.turn import Turn


class Sessions:
    """A store, as far as it is counted."""

    def count(self) -> int:
        return 3

    def counts(self) -> Counts:
        counts = Counts(opened=9, refused=1, planted=6)
        for age in (0.5, 30, 1200, -5):
            counts.note_closed(age)
        counts.note_expired(1_000_000)
        counts.note_expired(None)
        counts.errors["get"] = 5
        counts.calls["get"] = Histogram(CALLS)
        for seconds in (0.0002, 0.25):
            counts.calls["get"].note(seconds)
        return counts


def counted(tally: Tally) -> Figures:
    return figures(tally, Nobody(), Sessions(), Lines(-1, str))


def turn(intent: str = "use", status: int = 200, *, seconds: float = 0.02) -> Turn:
    made = Turn("POST", "/x", "127.0.0.1")
    made.started = time.monotonic() - seconds
    made.intent, made.status = intent, status
    return made


def samples(known: Figures) -> dict[tuple[str, ...], float]:
    """By name and the values of its labels, in their order.

    The parser itself refuses what is not OpenMetrics, such as buckets that do not grow.
    """
    encode, content_type = choose_encoder("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    text = encode(metrics(known, sessions=3, engine_up=True)).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "status, code",
    [(0, "none"), (101, "1xx"), (200, "2xx"), (304, "3xx"), (424, "4xx"), (599, "5xx")],
)
def test_a_request_is_counted_by_its_intent_and_class(status: int, code: str) -> None:
    tally = Tally()
    tally.note(turn("open", status))
    found = samples(counted(tally))
    requests = {key: n for key, n in found.items() if key[0] == "sidecar_requests_total" and n}
    assert requests == {("sidecar_requests_total", code, "open"): 1}
    assert found["sidecar_request_duration_seconds_count", "open"] == 1


@pytest.mark.parametrize("status", [600, 999, 1000])
def test_a_status_that_is_none_does_not_end_the_request(status: int) -> None:
    tally = Tally()
    tally.note(turn(status=status))
    assert samples(counted(tally))["sidecar_requests_total", "other", "use"] == 1


def test_times_fall_into_their_buckets() -> None:
    tally = Tally()
    made = turn(seconds=400)
    made.forwarded, made.first_byte = made.started + 0.0002, made.started + 0.25
    tally.note(made)
    found = samples(counted(tally))
    name = "sidecar_request_duration_seconds"
    assert found[f"{name}_bucket", "use", "300.0"] == 0
    assert found[f"{name}_bucket", "use", "+Inf"] == 1
    assert found[f"{name}_sum", "use"] == pytest.approx(400, abs=5)
    assert found["sidecar_overhead_seconds_bucket", "0.0001"] == 0
    assert found["sidecar_overhead_seconds_bucket", "0.00025"] == 1
    assert found["sidecar_first_byte_seconds_bucket", "0.1"] == 0
    assert found["sidecar_first_byte_seconds_sum",] == pytest.approx(0.25)


def test_a_bound_belongs_to_its_bucket() -> None:
    """`le` is less or equal."""
    histogram = Histogram((0.25, 1))
    for seconds in (0.25, 1, 1.5):
        histogram.note(seconds)
    assert histogram.counts == [1, 1, 1]


def test_a_request_of_ours_has_no_time_at_the_engine() -> None:
    tally = Tally()
    tally.note(turn())
    found = samples(counted(tally))
    assert found["sidecar_overhead_seconds_count",] == 0
    assert found["sidecar_first_byte_seconds_count",] == 0


def test_the_rest() -> None:
    tally = Tally()
    left = turn(status=0)
    left.left = True
    tally.note(left)
    found = samples(counted(tally))
    expected = {
        ("sidecar_client_disconnects_total",): 1,
        ("sidecar_sessions_active",): 3,
        ("sidecar_sessions_opened_total",): 9,
        ("sidecar_sessions_closed_total", "client"): 4,
        ("sidecar_sessions_closed_total", "expired"): 2,
        ("sidecar_sessions_refused_total",): 1,
        ("sidecar_sessions_planted_total",): 6,
        ("sidecar_session_age_seconds_bucket", "1.0"): 2,
        ("sidecar_session_age_seconds_bucket", "900.0"): 3,
        ("sidecar_session_age_seconds_bucket", "1200.0"): 4,
        ("sidecar_session_age_seconds_bucket", "604800.0"): 4,
        ("sidecar_session_age_seconds_bucket", "+Inf"): 5,
        ("sidecar_session_age_seconds_sum",): 1_001_230.5,
        ("sidecar_store_errors_total", "get"): 5,
        ("sidecar_store_operation_seconds_bucket", "0.00025", "get"): 1,
        ("sidecar_store_operation_seconds_count", "get"): 2,
        ("sidecar_store_operation_seconds_sum", "get"): 0.2502,
        ("sidecar_engine_up",): 1,
        ("sidecar_log_lines_dropped_total",): 0,
        ("sidecar_requests_in_flight",): 0,
        ("sidecar_connections",): 0,
    }
    assert {key: found[key] for key in expected} == expected
    assert {key[1] for key in found if key[0] == "sidecar_store_errors_total"} == {*OPS}
    assert any(name == "sidecar_build_info" for name, *_ in found)
    assert found["process_resident_memory_bytes",] > 0


def test_processes_add_up() -> None:
    one, other = Tally(), Tally()
    one.note(turn("open"))
    for tally in (one, other):
        tally.note(turn("use", 502, seconds=20))
    [first, second] = [json.loads(as_line(counted(tally))) for tally in (one, other)]
    found = samples(added(first, second))
    assert found["sidecar_requests_total", "2xx", "open"] == 1
    assert found["sidecar_requests_total", "5xx", "use"] == 2
    assert found["sidecar_request_duration_seconds_bucket", "use", "30.0"] == 2
    assert found["sidecar_request_duration_seconds_sum", "use"] == pytest.approx(40, abs=5)
    assert found["sidecar_sessions_opened_total",] == 18
    assert found["sidecar_session_age_seconds_count",] == 10
    assert found["sidecar_session_age_seconds_bucket", "1200.0"] == 8
    assert found["sidecar_store_errors_total", "get"] == 10
    assert found["sidecar_store_operation_seconds_count", "get"] == 4


def test_nothing_that_clients_choose_makes_the_metrics_grow() -> None:
    tally = Tally()
    for number in range(100_000):
        made = Turn(f"chosen{number}", f"/chosen{number}", f"chosen.{number}")
        made.session = made.request_id = f"chosen{number}"
        made.intent, made.status = f"chosen{number}", number % 600
        tally.note(made)
    text = generate_latest(metrics(counted(tally), sessions=0, engine_up=False))
    assert len(text) < 200_000
    assert b'sidecar_request_duration_seconds_count{intent="other"} 100000.0' in text
    assert b"chosen" not in text
