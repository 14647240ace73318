"""When spans are made and when not; then the trace goes through as it came, and that is said."""

from pathlib import Path

import pytest

from tests.harness.collector import CLIENT, SERVER, Collector
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import once, ping_becomes

COMES_FROM = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REQUEST = (
    "POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
    f"traceparent: {COMES_FROM}\r\n\r\n{{}}"
).encode()


async def traceparents(engine: RecordingEngine, sidecar: SidecarProcess) -> list[str]:
    await ping_becomes(sidecar, 200, 10)
    assert (await once(sidecar.port, REQUEST)).status == 200
    [record] = engine.at(b"/invocations")
    return [value.decode() for value in record.values(b"traceparent")]


def warnings(sidecar: SidecarProcess) -> list[str]:
    return [line["message"] for line in sidecar.log if line["level"] == "warning"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": None}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_SDK_DISABLED": "True"}, None),
        ({"OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin is not offered"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/pro"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OpenTelemetry refuses its settings"),
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL must be",
        ),
    ],
)
async def test_no_spans(variables: dict[str, str | None], said: str | None) -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        environment = {**collector.variables, **variables}
        async with SidecarProcess(engine.url, **environment) as sidecar:
            assert await traceparents(engine, sidecar) == [COMES_FROM]
            assert await sidecar.stop() == 0
            assert collector.spans == []
            told = [words for words in warnings(sidecar) if "no traces are made" in words]
            assert len(told) == (0 if said is None else 1)
            assert said is None or said in told[0]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_TRACES_EXPORTER": "otlp"},
        {
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        },
    ],
)
async def test_spans(variables: dict[str, str]) -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        environment = collector.variables | variables
        async with SidecarProcess(engine.url, **environment) as sidecar:
            [told] = await traceparents(engine, sidecar)
            assert told != COMES_FROM
            await collector.pair()
            assert warnings(sidecar) == []


async def test_the_service_may_have_another_name() -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        environment = collector.variables | {
            "OTEL_SERVICE_NAME": "chat",
            "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=chat-0",
        }
        async with SidecarProcess(engine.url, **environment) as sidecar:
            await traceparents(engine, sidecar)
            await collector.arrived(2)
            assert collector.resource["service.name"] == "chat"
            assert collector.resource["k8s.pod.name"] == "chat-0"


async def test_without_the_extra_all_goes_on(tmp_path: Path) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    (package / "__init__.py").write_text("raise ModuleNotFoundError('as if not installed')")
    async with Collector() as collector, RecordingEngine() as engine:
        environment = collector.variables | {"PYTHONPATH": str(tmp_path)}
        async with SidecarProcess(engine.url, **environment) as sidecar:
            assert await traceparents(engine, sidecar) == [COMES_FROM]
            [words] = warnings(sidecar)
            assert "pip install 'session-sidecar[otel]'" in words


async def test_a_collector_that_is_gone_is_told_of_and_holds_up_nothing() -> None:
    async with Collector() as collector:
        variables = collector.variables
    async with RecordingEngine() as engine, SidecarProcess(engine.url, **variables) as sidecar:
        [told] = await traceparents(engine, sidecar)
        assert told != COMES_FROM
        assert await sidecar.stop() == 0
        assert any(line["level"] in ("warning", "error") for line in sidecar.log)


async def test_every_worker_sends_its_own() -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        environment = collector.variables | {"SIDECAR_WORKERS": "2"}
        async with SidecarProcess(engine.url, **environment) as sidecar:
            await ping_becomes(sidecar, 200, 10)
            for _ in range(8):
                assert (await once(sidecar.port, REQUEST)).status == 200
            assert await eventually(lambda: len(collector.spans) == 16)
            kinds = [span.kind for span in collector.spans]
            assert (kinds.count(SERVER), kinds.count(CLIENT)) == (8, 8)
