"""Spans as a collector gets them, from the sidecar as it runs, in both lanes."""

import asyncio
import time

import pytest

from tests.harness.behaviours import chunked, says
from tests.harness.collector import SERVER, Collector, attributes
from tests.harness.engines import free_port
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import Exchange, Record, RecordingEngine
from tests.harness.watch import Watch
from tests.life.asking import get, once, ping_becomes

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
COMES_FROM = f"traceparent: 00-{TRACE}-{PARENT}-01\r\n"

pytestmark = pytest.mark.parametrize("express", ["on", "off"])


def post(lines: str = "", body: str = "{}", path: str = "/invocations?key=secret") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return (head + body).encode()


async def asked(sidecar: SidecarProcess, request: bytes) -> Answer:
    await ping_becomes(sidecar, 200, 10)
    return await once(sidecar.port, request)


def told(record: Record) -> tuple[str, str, bool]:
    """What the engine was told: the trace, the span, and whether it is sampled."""
    [value] = record.values(b"traceparent")
    version, trace_id, span_id, flags = value.decode().split("-")
    assert version == "00"
    return trace_id, span_id, bool(int(flags, 16) & 1)


async def test_the_engine_is_below_the_sidecar_and_that_below_the_client(express: str) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        lines = f"{COMES_FROM}TraceState: rojo=1\r\ntracestate: congo=2\r\nbaggage: a=b\r\n"
        assert (await asked(sidecar, post(lines))).status == 200
        server, client = await collector.pair()
        [record] = engine.at(b"/invocations")
        assert (server.trace_id.hex(), server.parent_span_id.hex()) == (TRACE, PARENT)
        assert told(record) == (TRACE, client.span_id.hex(), True)
        assert record.values(b"tracestate") == [b"rojo=1,congo=2"]
        assert record.values(b"baggage") == [b"a=b"]
        assert record.faults == []


async def test_a_span_says_what_was_asked_and_answered(express: str) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        await asked(sidecar, post())
        server, client = await collector.pair()
        assert server.name == client.name == "POST"
        assert attributes(server.attributes) == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "url.path": "/invocations",
            "url.scheme": "http",
            "client.address": "127.0.0.1",
            "sidecar.intent": "pass",
        }
        assert attributes(client.attributes) == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "url.path": "/invocations",
            "url.full": f"{engine.url}/invocations",
            "server.address": "127.0.0.1",
            "server.port": int(engine.url.rpartition(":")[2]),
        }
        assert collector.resource["service.name"] == "session-sidecar"
        assert (await sidecar.event("request"))["trace_id"] == server.trace_id.hex()


async def test_it_ends_with_the_last_byte(express: str) -> None:
    async def slowly(exchange: Exchange) -> None:
        await exchange.read_body()
        whole = chunked([b"first", b"second"])
        await exchange.send(whole[:-20])
        await asyncio.sleep(0.3)
        await exchange.send(whole[-20:])

    async with (
        Collector() as collector,
        RecordingEngine(slowly) as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        before = time.time_ns()
        await asked(sidecar, post())
        for span in await collector.pair():
            assert span.end_time_unix_nano - span.start_time_unix_nano > 0.3e9
            assert before < span.start_time_unix_nano < span.end_time_unix_nano < time.time_ns()


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "traceparent: nonsense\r\n",
        2 * COMES_FROM,
        f"traceparent: 00-{'0' * 32}-{PARENT}-01\r\n",
    ],
)
async def test_a_trace_begins_here_where_the_client_has_no_clear_one(
    express: str, lines: str
) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        await asked(sidecar, post(f"{lines}tracestate: rojo=1\r\n"))
        server, client = await collector.pair()
        [record] = engine.at(b"/invocations")
        assert server.parent_span_id == b""
        assert server.trace_id.hex() not in (TRACE, "0" * 32)
        assert told(record) == (server.trace_id.hex(), client.span_id.hex(), True)
        assert record.values(b"tracestate") == []


async def test_what_the_client_does_not_sample_is_not_sent(express: str) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        await asked(sidecar, post(COMES_FROM.replace("-01", "-00")))
        [record] = engine.at(b"/invocations")
        trace_id, span_id, is_sampled = told(record)
        assert (trace_id, is_sampled) == (TRACE, False)
        assert span_id != PARENT
        assert await sidecar.stop() == 0
        assert collector.spans == []


@pytest.mark.parametrize("whole", ["on", "off"])
async def test_a_session_is_named_whole_only_where_that_is_wanted(express: str, whole: str) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(
            engine.url,
            SIDECAR_EXPRESS=express,
            SIDECAR_TRACE_SESSION_ID=whole,
            **collector.variables,
        ) as sidecar,
    ):
        opened = await asked(sidecar, post(body='{"requestType":"NEW_SESSION"}'))
        session = opened.values(b"X-Amzn-SageMaker-New-Session-Id")[0].split(b";")[0].decode()
        await asked(sidecar, post(f"X-Amzn-SageMaker-Session-Id: {session}\r\n"))
        spans = [span for span in await collector.arrived(3) if span.kind == SERVER]
        said = [attributes(span.attributes) for span in spans]
        assert [each["sidecar.intent"] for each in said] == ["open", "use"]
        for each in said:
            assert each["sidecar.session"] == session[:8]
            named = {each.get("session.id"), each.get("gen_ai.conversation.id")}
            assert named == ({session} if whole == "on" else {None})


@pytest.mark.parametrize(
    "refused",
    [
        b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n",
        post("X-Amzn-SageMaker-Session-Id: unknown\r\n"),
    ],
)
async def test_a_refusal_is_no_failure_of_ours(express: str, refused: bytes) -> None:
    async with (
        Collector() as collector,
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        assert (await asked(sidecar, refused)).status == 400
        [span] = await collector.arrived(1)
        said = attributes(span.attributes)
        assert (said["http.response.status_code"], said.get("error.type")) == (400, None)
        assert span.status.code == 0


FAILURES = {
    "the engine fails": (says(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), "503", "503"),
    "the engine refuses": (says(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), None, "404"),
    "it says nothing": (says(b"", then="reset"), "502", "no_answer"),
    "it breaks off": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfive!", then="reset"),
        "broken_off",
        "broken_off",
    ),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_a_failure_is_told_where_it_happened(express: str, how: str) -> None:
    behaviour, by_server, by_client = FAILURES[how]
    async with (
        Collector() as collector,
        RecordingEngine(behaviour) as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        async with await RawClient.connect(sidecar.port) as raw:
            await raw.send(post())
            await collector.arrived(2)
        server, client = await collector.pair()
        assert attributes(server.attributes).get("error.type") == by_server
        assert attributes(client.attributes).get("error.type") == by_client
        assert (server.status.code == 2) is (by_server is not None)


async def test_a_client_that_goes_ends_its_spans(express: str) -> None:
    async with (
        Collector() as collector,
        RecordingEngine(says(b"", then="hold")) as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **collector.variables) as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        async with await RawClient.connect(sidecar.port) as raw:
            await raw.send(post())
            await engine.arrived(b"/invocations")
        for span in await collector.pair():
            assert attributes(span.attributes)["error.type"] == "client_gone"


async def test_probes_are_left_out_and_the_rest_is_sent_at_the_end(express: str) -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        variables = collector.variables | {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
        async with SidecarProcess(engine.url, SIDECAR_EXPRESS=express, **variables) as sidecar:
            await asked(sidecar, get(b"/models"))
            await ping_becomes(sidecar, 200, 10)
            assert collector.spans == []
            assert await sidecar.stop() == 0
            paths = [attributes(span.attributes)["url.path"] for span in collector.spans]
            assert paths == ["/models", "/models"]


async def test_a_collector_that_hangs_holds_up_nothing(express: str) -> None:
    async with Collector() as collector, RecordingEngine() as engine:
        collector.hang()
        async with SidecarProcess(
            engine.url, SIDECAR_EXPRESS=express, **collector.variables
        ) as sidecar:
            for _ in range(3):
                assert (await asked(sidecar, post())).status == 200
            watch = Watch()
            assert await sidecar.stop() == 0
            assert watch.worked() < 10, watch  # the exporter alone would try for longer


@pytest.mark.parametrize("engines", [1, 2])
async def test_an_engine_that_nobody_reaches(express: str, engines: int) -> None:
    """Which of several it would have been is not known."""
    addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(engines)]
    async with (
        Collector() as collector,
        SidecarProcess(
            ",".join(addresses), SIDECAR_EXPRESS=express, **collector.variables
        ) as sidecar,
    ):
        assert (await once(sidecar.port, post())).status == 503
        server, client = await collector.pair()
        assert attributes(server.attributes)["error.type"] == "503"
        said = attributes(client.attributes)
        assert said["error.type"] == "no_answer"
        assert ("server.port" in said) is (engines == 1)
