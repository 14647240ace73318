"""Who must show the admin token, for what, and what an open port tells without one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.admin.test_command import run
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer
from tests.life.asking import once

FILE = Path(__file__).with_name("token.txt")
TOKEN = FILE.read_text().strip()
RIGHT = f"Authorization: Bearer {TOKEN}\r\n"

OPEN = [("GET", "/livez"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")]
OPEN += [("GET", "/")]
SHUT = [("GET", "/sessions"), ("GET", "/sessions/x"), ("DELETE", "/sessions/x")]
SHUT += [("GET", "/sessions/x/data/k"), ("PUT", "/sessions/x/data/k"), ("GET", "/config")]
SHUT += [("GET", "/version"), ("GET", "/replicas"), ("POST", "/drain"), ("GET", "/nope")]
SHUT += [("GET", "//metrics"), ("GET", "/metrics/"), ("GET", "/x/../config"), ("GET", "/Metrics")]


async def ask(sidecar: SidecarProcess, method: str, target: str, more: str = "") -> Answer:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{more}\r\n"
    return await once(sidecar.admin_port, head.encode())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar() -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess("http://127.0.0.1:9", SIDECAR_ADMIN_TOKEN_FILE=str(FILE)) as sidecar:
        yield sidecar


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exposed() -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess("http://127.0.0.1:9", SIDECAR_ADMIN_HOST="0.0.0.0") as sidecar:
        yield sidecar


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("method, path", OPEN)
async def test_health_and_metrics_are_for_all(
    sidecar: SidecarProcess, exposed: SidecarProcess, method: str, path: str
) -> None:
    for each in (sidecar, exposed):
        assert (await ask(each, method, path)).status in (200, 503)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("method, path", SHUT)
async def test_the_rest_needs_the_token(sidecar: SidecarProcess, method: str, path: str) -> None:
    refused = await ask(sidecar, method, path)
    assert refused.status == 401
    assert refused.values(b"WWW-Authenticate") == [b'Bearer realm="session-sidecar"']
    assert TOKEN.encode() not in refused.body
    assert sidecar.process.returncode is None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("method, path", SHUT)
async def test_a_port_open_to_others_has_none_of_the_rest_without_a_token(
    exposed: SidecarProcess, method: str, path: str
) -> None:
    refused = await ask(exposed, method, path, RIGHT)
    assert refused.status == 403
    assert b"SIDECAR_ADMIN_TOKEN_FILE" in refused.body


@pytest.mark.asyncio(loop_scope="module")
async def test_an_open_port_without_a_token_is_told_of_at_the_start(
    exposed: SidecarProcess, sidecar: SidecarProcess
) -> None:
    said = [line["message"] for line in exposed.log if line["level"] == "warning"]
    assert any("SIDECAR_ADMIN_TOKEN_FILE" in message for message in said)
    assert "SIDECAR_ADMIN_TOKEN_FILE" not in str(sidecar.log)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "shown, status",
    [
        (RIGHT, 200),
        (f"authorization: bearer  {TOKEN} \r\n", 200),
        (f"Authorization: Bearer {TOKEN[:-1]}\r\n", 401),
        (f"Authorization: Bearer {TOKEN}x\r\n", 401),
        (f"Authorization: Bearer {TOKEN.upper()}\r\n", 401),
        (f"Authorization: Bearer \xe9{TOKEN}\r\n", 401),
        ("Authorization: Bearer \r\n", 401),
        ("Authorization: Bearer\r\n", 401),
        (f"Authorization: {TOKEN}\r\n", 401),
        (f"Authorization: Basic {TOKEN}\r\n", 401),
        (f"Cookie: token={TOKEN}\r\n", 401),
        (RIGHT + RIGHT, 401),
        (f"Authorization: Bearer x\r\n{RIGHT}", 401),
    ],
    ids=repr,
)
async def test_what_is_the_token(sidecar: SidecarProcess, shown: str, status: int) -> None:
    assert (await ask(sidecar, "GET", "/config", shown)).status == status


@pytest.mark.asyncio(loop_scope="module")
async def test_the_token_is_nowhere_to_be_read(sidecar: SidecarProcess) -> None:
    answer = await ask(sidecar, "GET", "/config", RIGHT)
    assert str(FILE).encode() in answer.body and TOKEN.encode() not in answer.body
    assert TOKEN not in str(sidecar.log)
    shown = run("list", SIDECAR_ADMIN_TOKEN_FILE=str(FILE), SIDECAR_ADMIN_PORT="x")
    assert shown.returncode == 2 and TOKEN not in shown.stderr


@pytest.mark.asyncio(loop_scope="module")
async def test_the_command_shows_the_token_of_its_settings(sidecar: SidecarProcess) -> None:
    port = str(sidecar.admin_port)
    refused = run("list", SIDECAR_ADMIN_PORT=port)
    assert refused.returncode == 1
    assert refused.stderr == "send the admin token: Authorization: Bearer ...\n"
    heard = run("list", "--json", SIDECAR_ADMIN_PORT=port, SIDECAR_ADMIN_TOKEN_FILE=str(FILE))
    assert (heard.returncode, heard.stderr) == (0, "")


@pytest.mark.asyncio(loop_scope="module")
async def test_no_answer_is_one_that_a_browser_may_run_or_frame(sidecar: SidecarProcess) -> None:
    for path in ("/config", "/sessions", "/metrics", "/livez", "/nope"):
        for more in ("", RIGHT):
            answer = await ask(sidecar, "GET", path, more)
            assert answer.values(b"X-Content-Type-Options") == [b"nosniff"]
            [policy] = answer.values(b"Content-Security-Policy")
            assert b"default-src 'none'" in policy and b"frame-ancestors 'none'" in policy
