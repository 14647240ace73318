"""The admin port over real sockets: health, metrics, settings, and who is not heard."""

import asyncio
import json
import platform
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from sidecar import __version__
from tests.harness.engines import free_port
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.life.asking import get, once, ping_becomes

NEW = b'{"requestType": "NEW_SESSION"}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar() -> AsyncIterator[SidecarProcess]:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, 10)
        yield sidecar


def request(target: str, *, method: str = "GET", host: str = "localhost", more: str = "") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


async def scraped(sidecar: SidecarProcess) -> dict[tuple[str, ...], float]:
    answer = await once(sidecar.admin_port, request("/metrics"))
    assert answer.status == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


async def scraped_once(sidecar: SidecarProcess, name: str) -> dict[tuple[str, ...], float]:
    """As soon as that one is not 0."""
    async with asyncio.timeout(10):
        found = await scraped(sidecar)
        while not found[name,]:
            await asyncio.sleep(0.02)
            found = await scraped(sidecar)
    return found


def said(answer: Answer) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(answer.body)
    return loaded


async def ask(sidecar: SidecarProcess, *args: Any, **how: Any) -> Answer:
    return await once(sidecar.admin_port, request(*args, **how))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_there_is_listed_and_answers(sidecar: SidecarProcess) -> None:
    listed = (await ask(sidecar, "/")).body.decode()
    paths = {word.partition("?")[0] for word in listed.split() if word.startswith("/")}
    assert paths >= {"/livez", "/readyz", "/metrics", "/sessions", "/config", "/version"}
    for path in paths - {"/drain"}:
        answer = await ask(sidecar, path)
        assert answer.status == (404 if "ID" in path else 200), path
    assert (await ask(sidecar, "/drain")).values(b"Allow") == [b"POST"]
    assert (await ask(sidecar, "/healthz")).status == 200
    assert said(await ask(sidecar, "/version")) == {
        "name": "session-sidecar",
        "version": __version__,
        "python": platform.python_version(),
        "aiohttp": aiohttp.__version__,
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "method, path, status, kind",
    [
        ("GET", "/nope", 404, "NotFound"),
        ("GET", "/ping", 404, "NotFound"),
        ("POST", "/livez", 405, "MethodNotAllowed"),
        ("DELETE", "/metrics", 405, "MethodNotAllowed"),
        ("POST", "/sessions", 405, "MethodNotAllowed"),
    ],
)
async def test_what_is_not_there(
    sidecar: SidecarProcess, method: str, path: str, status: int, kind: str
) -> None:
    answer = await ask(sidecar, path, method=method)
    assert answer.status == status
    assert said(answer)["error"]["type"] == kind and path in said(answer)["error"]["message"]
    assert answer.values(b"Allow") == ([b"GET, HEAD"] if status == 405 else [])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "host, heard",
    [
        ("localhost", True),
        ("LOCALHOST.:9901", True),
        ("app.localhost:1", True),
        ("127.0.0.1:9901", True),
        ("[::1]:9901", True),
        ("192.0.2.7", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:9901", False),
        ("localhost.evil.example", False),
        ("notlocalhost", False),
        ("", False),
    ],
)
async def test_a_name_made_to_lead_here_is_not_heard(
    sidecar: SidecarProcess, host: str, heard: bool
) -> None:
    for path in ("/sessions", "/config", "/metrics"):
        answer = await ask(sidecar, path, host=host)
        assert answer.status == (200 if heard else 421)
    assert (await ask(sidecar, "/readyz", host=host)).status == 200


async def test_on_every_interface_any_name_is_heard() -> None:
    async with SidecarProcess("http://127.0.0.1:9", SIDECAR_ADMIN_HOST="0.0.0.0") as sidecar:
        assert (await ask(sidecar, "/metrics", host="sidecar.pod.example")).status == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "accept, form, end",
    [
        ("", b"text/plain", b"\n"),
        ("Accept: text/html, */*;q=0.1\r\n", b"text/plain", b"\n"),
        (
            "Accept: application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5\r\n",
            b"application/openmetrics-text",
            b"# EOF\n",
        ),
    ],
)
async def test_the_scraper_chooses_the_form(
    sidecar: SidecarProcess, accept: str, form: bytes, end: bytes
) -> None:
    answer = await ask(sidecar, "/metrics", more=accept)
    [content_type] = answer.values(b"Content-Type")
    assert content_type.startswith(form)
    assert answer.body.endswith(end) and (b"# EOF" in answer.body) == (end != b"\n")


async def test_ready_or_why_not() -> None:
    async with SidecarProcess(f"http://127.0.0.1:{free_port()}") as sidecar:
        answer = await ask(sidecar, "/readyz")
        assert answer.status == 503 and answer.values(b"Retry-After") == [b"1"]
        assert "the engine at http://127.0.0.1" in said(answer)["reason"]
        assert "checks" not in said(answer)
        checks = said(await ask(sidecar, "/readyz?verbose"))["checks"]
        assert checks.pop("engine") != "ok" and set(checks.values()) == {"ok"}
        assert (await scraped(sidecar))["sidecar_engine_up",] == 0
        assert (await ask(sidecar, "/livez")).status == 200


async def test_a_drain_is_the_reason() -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS="5") as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        assert said(await ask(sidecar, "/readyz?verbose"))["ready"] is True
        sidecar.process.terminate()
        await sidecar.event("draining")
        answer = await ask(sidecar, "/readyz?verbose")
        assert answer.status == 503
        assert (
            said(answer)["reason"]
            == said(answer)["checks"]["drain"]
            == ("this sidecar is stopping")
        )
        sidecar.process.terminate()
        assert await sidecar.wait() == 0


@pytest.mark.parametrize("express", ["on", "off"])
async def test_requests_are_counted_on_both_lanes(express: str) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_EXPRESS=express) as sidecar,
    ):
        go, hold = asyncio.Event(), asyncio.Event()

        async def slow(exchange: Exchange) -> None:
            await exchange.read_body()
            go.set()
            await hold.wait()
            await exchange.reply(b"late")

        engine.on(b"/slow", slow)
        await ping_becomes(sidecar, 200, 10)
        head = b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        opened = await once(sidecar.port, head + b"Content-Length: %d\r\n\r\n" % len(NEW) + NEW)
        assert opened.status == 200
        unknown = b"GET /x HTTP/1.1\r\nHost: t\r\nX-Amzn-SageMaker-Session-Id: nobodys\r\n\r\n"
        assert (await once(sidecar.port, unknown)).status == 400
        assert (await once(sidecar.port, get(b"/fine"))).status == 200
        async with await RawClient.connect(sidecar.port) as client:
            await client.send(get(b"/slow"))
            await asyncio.wait_for(go.wait(), 10)
            found = await scraped(sidecar)
            assert found["sidecar_requests_in_flight",] == 1
            assert found["sidecar_connections",] >= 1
        found = await scraped_once(sidecar, "sidecar_client_disconnects_total")
        hold.set()
        ended = {
            key[1:]: count
            for key, count in found.items()
            if key[0] == "sidecar_requests_total" and count and key[2] != "ping"
        }
        assert ended == {
            ("2xx", "open"): 1,
            ("2xx", "pass"): 1,
            ("4xx", "use"): 1,
            ("none", "pass"): 1,
        }
        assert found["sidecar_sessions_active",] == found["sidecar_sessions_opened_total",] == 1
        assert found["sidecar_overhead_seconds_count",] == 2
        assert found["sidecar_first_byte_seconds_count",] == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_what_clients_choose_does_not_make_the_metrics_grow(
    sidecar: SidecarProcess,
) -> None:
    """Paths, ids and methods of their own, accepted and refused, on either side of the store."""
    async with await RawClient.connect(sidecar.port) as client:
        for number in range(300):
            method = ("GET", "PUT", "PROPFIND", "M-SEARCH")[number % 4]
            session = f"X-Amzn-SageMaker-Session-Id: chosen{number}\r\n" if number % 3 else ""
            more = f"{session}X-Request-Id: chosen{number}\r\n"
            await client.ask(request(f"/chosen{number}", method=method, more=more))
    for number in range(20):
        await once(sidecar.port, f"CHOSEN{number} / HTTP/1.1\r\n\r\n".encode())
    answer = await ask(sidecar, "/metrics")
    assert len(answer.body) < 200_000 and b"chosen" not in answer.body.lower()
    counts = (await scraped(sidecar)).items()
    assert sum(count for key, count in counts if key[0] == "sidecar_requests_total") >= 320


async def test_the_settings_and_where_they_came_from() -> None:
    aliases = {"SAGEMAKER_SESSIONS_EXPIRATION": "77", "SAGEMAKER_ENABLE_STATEFUL_SESSIONS": "true"}
    async with SidecarProcess("http://127.0.0.1:9", **aliases) as sidecar:  # type: ignore[arg-type]
        settings = said(await ask(sidecar, "/config"))
        assert settings["SIDECAR_SESSIONS_TTL"] == {
            "value": "77",
            "origin": "environment SAGEMAKER_SESSIONS_EXPIRATION",
        }
        assert settings["SIDECAR_HOST"] == {"value": "127.0.0.1", "origin": "environment"}
        assert settings["SIDECAR_EXPRESS"]["origin"] in ("default", "environment")
        told = [line for line in sidecar.log if line["event"] == "alias"]
        assert {line["variable"]: (line["sets"], line["value"]) for line in told} == {
            "SAGEMAKER_SESSIONS_EXPIRATION": ("SIDECAR_SESSIONS_TTL", "77"),
            "SAGEMAKER_ENABLE_STATEFUL_SESSIONS": ("SIDECAR_SESSIONS", "true"),
        }
