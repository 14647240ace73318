"""docs/operations.md has every metric that is exported, and every endpoint of the admin port."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from sidecar.admin.about import INDEX
from sidecar.ops.lines import BACKLOG
from sidecar.ops.metrics import metrics
from sidecar.ops.replicas import ReplicaMetrics
from sidecar.ops.tally import Tally
from tests.ops.test_metrics import counted

TEXT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
REPLICA = {"address": "http://a:1", "ready": True, "lost": False, "sessions": 0}
REPLICA |= {"requests": 0, "faults": 0, "in_flight": 0, "ejected": 0}
SUFFIXES = {"counter": "_total", "info": "_info"}


def exported() -> Iterator[Metric]:
    yield from metrics(counted(Tally()), sessions=0, engine_up=True).collect()
    yield from ReplicaMetrics([REPLICA]).collect()


def row(metric: Metric) -> str:
    names = {name for sample in metric.samples for name in sample.labels} - {"le"}
    labels = ", ".join(f"`{name}`" for name in sorted(names))
    name = metric.name + SUFFIXES.get(metric.type, "")
    return f"| `{name}` | {metric.type} | {labels} | {metric.documentation} |"


def test_the_table_of_metrics_is_what_is_exported() -> None:
    rows = [row(metric) for metric in exported() if metric.name.startswith("sidecar_")]
    table = "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows])
    _, _, rest = TEXT.partition("<!-- metrics -->")
    assert rest.partition("<!-- /metrics -->")[0].strip() == table


def test_every_endpoint_is_there() -> None:
    paths = set(re.findall(r"^(?:GET|POST) +(/[\w/]+)", INDEX, re.MULTILINE))
    assert len(paths) > 10
    described = set(re.findall(r"(/[\w/]*)", TEXT.partition("## The page")[0]))
    assert paths <= described


def test_every_field_of_the_access_log_is_there() -> None:
    """As in the text for people, which has the same fields."""
    logs = TEXT.partition("## Logs")[2].partition("## Traces")[0]
    source = (Path(__file__).parents[2] / "sidecar" / "ops" / "access.py").read_text()
    fields = set(re.findall(r'^        "(\w+)": ', source, re.MULTILINE))
    assert len(fields) > 10 and fields <= set(re.findall(r"`(\w+)`", logs))


def test_the_dropped_lines_have_their_size() -> None:
    assert f"lines beyond {BACKLOG // 2**20} MiB" in TEXT
