"""config/kubernetes.yaml: a native sidecar whose probes, ports, times and volumes fit the code."""

from pathlib import Path
from typing import Any

import pytest

from sidecar.config import Settings
from sidecar.config.store_address import StoreAddress
from tests.examples.shipped import documents, objects, settings_of
from tests.harness.process import SidecarProcess
from tests.life.asking import get, once

KINDS = {(each["kind"], each["metadata"]["name"]): each for each in documents("kubernetes.yaml")}
POD = KINDS["Deployment", "inference"]["spec"]["template"]["spec"]
(SIDECAR,) = POD["initContainers"]
(ENGINE,) = POD["containers"]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of({each["name"]: each["value"] for each in SIDECAR["env"]}, tmp_path)


def test_it_is_a_native_sidecar() -> None:
    assert SIDECAR["restartPolicy"] == "Always"
    assert POD["enableServiceLinks"] is False


def test_ports_are_those_of_the_settings(settings: Settings) -> None:
    ports = {each["name"]: each["containerPort"] for each in SIDECAR["ports"]}
    assert ports == {"sessions": settings.port, "admin": settings.admin_port}
    (service,) = KINDS["Service", "inference"]["spec"]["ports"]
    assert service["targetPort"] in ports
    annotations = KINDS["Deployment", "inference"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(settings.admin_port)
    policy = KINDS["NetworkPolicy", "inference"]["spec"]["ingress"]
    assert [each["ports"][0]["port"] for each in policy] == [settings.port, settings.admin_port]


def test_the_engine_listens_where_the_sidecar_calls(settings: Settings) -> None:
    (address,) = settings.engine_url
    arguments = " ".join(ENGINE["args"])
    assert f"--host {address.host} --port {address.port}" in arguments


async def test_every_probe_asks_for_what_is_there() -> None:
    """With an engine that is not there: only readiness may say no."""
    async with SidecarProcess("http://127.0.0.1:9") as sidecar:
        for probe in PROBES:
            asked = SIDECAR[probe]["httpGet"]
            assert asked["port"] == "admin"
            answer = await once(sidecar.admin_port, get(asked["path"].encode()))
            assert answer.status == (503 if probe == "readinessProbe" else 200)


def test_the_pod_waits_for_the_drain(settings: Settings) -> None:
    assert POD["terminationGracePeriodSeconds"] > settings.drain_seconds + 5


def test_the_sessions_volume_is_memory_and_where_sessions_are(settings: Settings) -> None:
    (mount,) = (each for each in SIDECAR["volumeMounts"] if each["name"] == "sessions")
    (volume,) = (each for each in POD["volumes"] if each["name"] == "sessions")
    assert str(settings.sessions_path.parent) == mount["mountPath"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}


def test_nothing_is_written_and_nobody_is_root() -> None:
    context = SIDECAR["securityContext"]
    assert context["readOnlyRootFilesystem"] and context["runAsNonRoot"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_several_replicas_share_a_store(settings: Settings) -> None:
    assert KINDS["Deployment", "inference"]["spec"]["replicas"] > 1
    assert isinstance(settings.store, StoreAddress)
    ((host, port),) = settings.store.hosts
    assert KINDS["Service", host]["spec"]["ports"] == [{"port": port}]
    # The engines' own memories are apart, so the conversation is in the store too.
    assert settings.memory == "chat"


def test_selectors_and_references_meet() -> None:
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for (kind, name), each in KINDS.items()
        if kind == "Deployment"
    }
    for (kind, name), each in KINDS.items():
        for selector in objects(each, "selector") if kind == "Service" else ():
            assert selector in labels.values(), name
        if kind == "Deployment":
            assert each["spec"]["selector"]["matchLabels"] == labels[name]
        for secret in objects(each, "secretName"):
            assert ("Secret", secret) in KINDS


def test_every_mount_has_its_volume() -> None:
    for (kind, _), each in KINDS.items():
        if kind == "Deployment":
            pod: dict[str, Any] = each["spec"]["template"]["spec"]
            volumes = {volume["name"] for volume in pod["volumes"]}
            mounts = {mount["name"] for mounts in objects(pod, "volumeMounts") for mount in mounts}
            assert mounts == volumes
