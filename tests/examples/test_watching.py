"""config/alerts.yaml and config/grafana.json ask for metrics and labels that a sidecar exports."""

import json
import re
from itertools import combinations
from typing import Any

import aiohttp
import pytest

from tests.examples.shipped import CONFIG, documents
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import RecordingEngine

RULES = [rule for group in documents("alerts.yaml")[0]["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((CONFIG / "grafana.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
ASKED = [target["expr"] for panel in PANELS for target in panel["targets"]]
ASKED += [rule["expr"] for rule in RULES]
METRIC = re.compile(r"\b(?:sidecar|process)_[a-z_]+\b")
LABEL = re.compile(r'(\w+)=~?"([^"]*)"')


async def scrape() -> str:
    """After one request, as some families have no sample before."""
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url) as sidecar,
        aiohttp.ClientSession() as client,
    ):
        async with client.post(f"{sidecar.url}/x", data=b"x") as answer:
            await answer.read()
        async with client.get(f"{sidecar.admin_url}/metrics") as answer:
            return await answer.text()


async def test_every_metric_is_exported() -> None:
    exported = await scrape()
    names = set(re.findall(r"^([a-z_]+)[{ ]", exported, re.MULTILINE))
    # One of a store on a server has no sample here.
    histograms = re.findall(r"^# TYPE ([a-z_]+) histogram$", exported, re.MULTILINE)
    names |= {f"{name}_bucket" for name in histograms}
    asked = {name for text in ASKED for name in METRIC.findall(text)}
    assert asked - names == set()
    labels = set(re.findall(r'(\w+)="', exported)) | {"instance", "job"}
    by = {name for text in ASKED for group in re.findall(r"by \(([^)]*)\)", text)
          for name in re.split(r",\s*", group)}  # fmt: skip
    assert by | {name for text in ASKED for name, _ in LABEL.findall(text)} <= labels
    codes = {value for text in ASKED for name, value in LABEL.findall(text) if name == "code"}
    assert codes <= set(re.findall(r'code="(\w+)"', exported))


def test_panels_have_ids_and_places_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_the_dashboard_names_no_data_source_of_ours() -> None:
    """Whoever imports it chooses one."""
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "instance"}
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_and_what(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
