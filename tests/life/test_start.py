"""A start that cannot succeed says why and exits 1; one that can does not wait for the engine."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.process import SidecarProcess
from tests.life.asking import assert_try_again, get, once, ping

NOWHERE = "http://127.0.0.1:9"
FROM_THE_LONGEST_LABEL = "a" * 64


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@contextmanager
def starting(**variables: str) -> Iterator[subprocess.Popen[str]]:
    """A start whose end is looked at; what it logs is not."""
    ours = {"SIDECAR_PORT": "0", "SIDECAR_ADMIN_PORT": "0", "SIDECAR_HOST": "127.0.0.1"}
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as scratch,
        subprocess.Popen(
            (sys.executable, "-m", "sidecar", "serve"),
            env={**os.environ, "SIDECAR_SESSIONS_PATH": scratch, **ours, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        yield process
        process.kill()


def refusal(**variables: str) -> tuple[int, str]:
    """How a start ends that must not succeed: its exit code and what it said to the user."""
    with starting(**variables) as process:
        _, errors = process.communicate(timeout=20)
        return process.returncode, errors


@pytest.mark.parametrize("name", ["SIDECAR_PORT", "SIDECAR_ADMIN_PORT"])
def test_a_port_that_is_taken(name: str, taken: str) -> None:
    code, errors = refusal(**{name: taken})
    assert code == 1
    assert errors.count("\n") == 1 and errors.startswith(f"{name}: ")
    assert f"('127.0.0.1', {taken})" in errors and "address already in use" in errors.lower()


@pytest.mark.parametrize("name", ["SIDECAR_HOST", "SIDECAR_ADMIN_HOST"])
def test_an_address_that_is_not_this_machines(name: str) -> None:
    code, errors = refusal(**{name: "192.0.2.1"})  # RFC 5737: nobody's
    assert code == 1
    assert errors.count("\n") == 1 and "192.0.2.1" in errors


def test_without_the_c_parser() -> None:
    code, errors = refusal(AIOHTTP_NO_EXTENSIONS="1")
    assert code == 1
    assert errors.count("\n") == 1 and "C parser" in errors and "aiohttp" in errors


@pytest.mark.parametrize(
    "host", ["nosuch.invalid", "a..b", FROM_THE_LONGEST_LABEL], ids=["unknown", "empty", "long"]
)
async def test_an_engine_whose_name_cannot_be_resolved(host: str) -> None:
    """`a..b` cannot even be asked for; it is no fault of the sidecar all the same."""
    async with SidecarProcess(f"http://{host}:8000") as sidecar:
        for _ in range(3):
            assert_try_again(await ping(sidecar), host)
            assert_try_again(await once(sidecar.port, get(b"/x")), host, "SIDECAR_ENGINE_URL")
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


async def test_a_start_is_told_in_the_log() -> None:
    async with SidecarProcess(NOWHERE) as sidecar:
        listening = {
            line["listener"]: line["address"] for line in sidecar.log if "listener" in line
        }
        assert listening == {
            "data": f"127.0.0.1:{sidecar.port}",
            "admin": f"127.0.0.1:{sidecar.admin_port}",
        }


async def test_without_an_admin_port() -> None:
    async with SidecarProcess(NOWHERE, SIDECAR_ADMIN_PORT="off") as sidecar:
        assert (await ping(sidecar)).status == 503
        assert await sidecar.stop() == 0


@pytest.mark.parametrize("after", [0.1, 0.25, 0.3])
def test_a_signal_at_any_moment_of_the_start_ends_it(after: float) -> None:
    """Around 0.3 s the ports are opened. Before Python has its handler the kernel ends it."""
    with starting(SIDECAR_LAME_DUCK_SECONDS="0") as process:
        time.sleep(after)
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM)
    assert errors == ""
