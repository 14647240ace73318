"""config/compose.yaml: the engine, the sidecar in front of it, and who watches."""

from pathlib import Path

import pytest
import yaml

from sidecar.config import Settings
from tests.examples.shipped import CONFIG, documents, settings_of

(FILE,) = documents("compose.yaml")
SERVICES = FILE["services"]
SIDECAR = SERVICES["sidecar"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(SIDECAR["environment"], tmp_path)


def test_the_engine_listens_where_the_sidecar_calls(settings: Settings) -> None:
    (address,) = settings.engine_url
    engine = SERVICES[address.host]
    assert f"--port {address.port}" in " ".join(engine["command"])


def test_ports_are_those_of_the_settings(settings: Settings) -> None:
    """The admin port for this machine alone."""
    data, admin = f"{settings.port}", f"{settings.admin_port}"
    assert SIDECAR["ports"] == [f"{data}:{data}", f"127.0.0.1:{admin}:{admin}"]


def test_it_has_time_to_drain(settings: Settings) -> None:
    assert float(SIDECAR["stop_grace_period"].removesuffix("s")) > settings.drain_seconds


def test_the_image_is_built_from_the_dockerfile() -> None:
    assert (CONFIG / SIDECAR["build"] / "Dockerfile").exists()
    assert SIDECAR["read_only"] and SIDECAR["cap_drop"] == ["ALL"]


def test_files_that_are_mounted_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            assert (CONFIG / volume.partition(":")[0]).is_file()
        for used in service.get("configs", ()):
            assert used["source"] in FILE["configs"]


def test_prometheus_scrapes_the_admin_port_and_knows_the_rules(settings: Settings) -> None:
    prometheus = yaml.safe_load(FILE["configs"]["prometheus"]["content"])
    (job,) = prometheus["scrape_configs"]
    assert job["job_name"] == "session-sidecar"
    assert job["static_configs"] == [{"targets": [f"sidecar:{settings.admin_port}"]}]
    (mounted,) = SERVICES["prometheus"]["volumes"]
    assert prometheus["rule_files"] == [mounted.split(":")[1]]


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    dashboards = yaml.safe_load(FILE["configs"]["dashboards"]["content"])
    (volume,) = SERVICES["grafana"]["volumes"]
    folder = Path(volume.split(":")[1]).parent
    assert dashboards["providers"][0]["options"]["path"] == str(folder)
    sources = yaml.safe_load(FILE["configs"]["datasource"]["content"])
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
