"""W3C Trace Context and Baggage go through as they came; the log line has the trace's id."""

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import once, ping_becomes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LINES = [
    ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
    ("TraceState", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    ("tracestate", "another=1"),
    ("baggage", "userId=Am%C3%A9lie;prop=1 , isProduction=false"),
]


@pytest.mark.parametrize("express", ["on", "off"])
async def test_it_goes_through_unchanged(express: str) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express) as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        more = "".join(f"{name}: {value}\r\n" for name, value in LINES)
        head = f"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n{more}\r\n{{}}"
        assert (await once(sidecar.port, head.encode())).status == 200
        [seen] = engine.at(b"/invocations")
        wanted = {name.lower() for name, _ in LINES}
        assert [
            (name.decode(), value.decode())
            for name, value in seen.fields
            if name.decode().lower() in wanted
        ] == LINES
        assert await eventually(lambda: any(line.get("trace_id") == TRACE for line in sidecar.log))
