"""The commands as their users run them: real processes, their output and their exit codes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from sidecar import __version__
from sidecar.config import Settings, settings_table
from tests.harness.watch import Watch

COMMAND = (sys.executable, "-m", "sidecar")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("SIDECAR_", "SAGEMAKER_"))
    }
    environment = inherited | {"COLUMNS": "80"} | variables
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=30
    )


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"session-sidecar {__version__}\n")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("check", "--help")])
def test_help_fits_a_screen(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert len(lines) < 24 and max(map(len, lines)) <= 80
    for word in ("serve, run", "check", "config", "healthcheck", "--engine-url", "SIDECAR_"):
        assert word in result.stdout


def test_without_a_command_help_is_an_error() -> None:
    result = run()
    assert (result.returncode, result.stdout) == (2, "")
    assert "commands:" in result.stderr


def test_what_follows_two_hyphens_is_the_engine_s() -> None:
    """Whatever it looks like: flags of ours, a second --, several lines."""
    result = run("config", "--port=1", "--", "vllm", "--port=2", "--", "a\nb")
    rows = dict(map(_first, result.stdout.splitlines()))
    assert rows["SIDECAR_PORT"].split() == ["1", "flag", "--port"]
    assert rows["SIDECAR_ENGINE_COMMAND"].startswith("vllm (3 arguments)")


def test_nothing_follows_two_hyphens() -> None:
    result = run("run", "--")
    assert result.returncode == 2
    assert "no command follows --" in result.stderr


@pytest.mark.parametrize("arguments", [("start",), ("check", "--prt=1"), ("check", "--por", "1")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "usage: session-sidecar" in result.stderr


def test_check_of_a_valid_configuration() -> None:
    result = run("check", "--port", "0", SIDECAR_LOG_LEVEL="debug")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "configuration is valid\n"


@pytest.mark.parametrize("command", ["check", "config", "serve", "run"])
def test_every_mistake_is_printed(command: str, tmp_path: Path) -> None:
    (tmp_path / "sidecar.toml").write_text("drain_secs = 5\n")
    result = run(
        command,
        "--admin-port=x",
        f"--config={tmp_path / 'sidecar.toml'}",
        SIDECAR_PORT="http",
        SIDECAR_ENGIN_URL="http://127.0.0.1:1",
        SAGEMAKER_SESSIONS_EXPIRATION="soon",
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "SIDECAR_ENGIN_URL",
        f"drain_secs (file {tmp_path / 'sidecar.toml'})",
        "SIDECAR_PORT",
        "SIDECAR_ADMIN_PORT (flag --admin-port)",
        "SIDECAR_SESSIONS_TTL (environment SAGEMAKER_SESSIONS_EXPIRATION)",
    ]


def test_config_shows_each_value_and_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "sidecar.toml"
    file.write_text('drain_seconds = "20s"\n')
    result = run(
        "config",
        "--engine-url=http://127.0.0.1:9",
        SIDECAR_CONFIG=str(file),
        SAGEMAKER_BIND_TO_PORT="7000",
    )
    rows = {name: rest.split(None, 1) for name, rest in map(_first, result.stdout.splitlines())}
    assert result.returncode == 0
    assert len(rows) == len(Settings.model_fields)
    assert rows["SIDECAR_ENGINE_URL"] == ["http://127.0.0.1:9", "flag --engine-url"]
    assert rows["SIDECAR_CONFIG"] == [str(file), "environment"]
    assert rows["SIDECAR_PORT"] == ["7000", "environment SAGEMAKER_BIND_TO_PORT"]
    assert rows["SIDECAR_DRAIN_SECONDS"] == ["20s", f"file {file}"]
    assert rows["SIDECAR_SESSIONS_MAX"] == ["none", "default"]


def _first(line: str) -> tuple[str, str]:
    name, rest = line.split(None, 1)
    return name, rest


def test_config_prints_the_table_of_the_readme() -> None:
    result = run("config", "--table", SIDECAR_PORT="not even valid")
    assert (result.returncode, result.stdout) == (0, settings_table() + "\n")


@pytest.mark.parametrize("command", ["check", "config", "healthcheck"])
def test_only_a_start_loads_the_proxy(command: str) -> None:
    """An import of aiohttp is some 200 ms; orchestrators call healthcheck every few seconds."""
    script = (
        "import sys; from sidecar.cli import main; main(sys.argv[1:]); "
        "assert not {'aiohttp', 'uvloop', 'prometheus_client'} & sys.modules.keys()"
    )
    command_line = [sys.executable, "-c", script, command, f"--port={closed_port()}"]
    result = subprocess.run(command_line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# healthcheck


@contextmanager
def ping(status: int) -> Iterator[int]:
    """A server that answers `status` to /ping and 404 to everything else; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/ping" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
def test_healthcheck_of_a_healthy_sidecar(host: str) -> None:
    with ping(200) as port:
        result = run("healthcheck", SIDECAR_PORT=str(port), SIDECAR_HOST=host)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("host", ["::", "::1", "[::1]"])
def test_healthcheck_over_ipv6(host: str) -> None:
    """Nobody is asked: not every machine that runs this has IPv6."""
    port = closed_port()
    result = run("healthcheck", SIDECAR_PORT=str(port), SIDECAR_HOST=host)
    assert f"http://[::1]:{port}/ping cannot be reached: " in result.stderr


@pytest.mark.parametrize("status", [503, 500, 404, 204, 301])
def test_healthcheck_of_a_sidecar_that_is_not_well(status: int) -> None:
    with ping(status) as port:
        result = run("healthcheck", SAGEMAKER_BIND_TO_PORT=str(port))
    assert result.returncode == 1
    assert result.stderr == f"session-sidecar: http://127.0.0.1:{port}/ping answered {status}\n"


def test_healthcheck_of_nobody() -> None:
    port = closed_port()
    result = run("healthcheck", f"--port={port}")
    assert result.returncode == 1
    assert f"http://127.0.0.1:{port}/ping cannot be reached: " in result.stderr
    assert result.stderr.count("\n") == 1


@contextmanager
def silent(greeting: bytes) -> Iterator[int]:
    """A server that accepts, then sends one byte of its greeting every 0.2 s and never ends."""
    over = Event()

    def serve() -> None:
        with closing(listener.accept()[0]) as client:
            for byte in greeting:
                if over.wait(0.2):
                    return
                client.send(bytes([byte]))
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: 0123456789\r\n"])
def test_healthcheck_gives_up(greeting: bytes) -> None:
    with silent(greeting) as port:
        watch = Watch()
        result = run("healthcheck", f"--port={port}")
    assert watch.between(2.4, 5), watch
    assert result.returncode == 1
    assert "/ping did not answer within 2.5 s\n" in result.stderr


def test_healthcheck_of_something_that_is_no_http() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = Thread(target=lambda: _say(listener, b"220 mail\r\n"))
        thread.start()
        result = run("healthcheck", f"--port={listener.getsockname()[1]}")
        thread.join()
    assert result.returncode == 1
    assert result.stderr.endswith("/ping did not answer in HTTP\n")
    assert result.stderr.count("\n") == 1


def _say(listener: socket.socket, words: bytes) -> None:
    with listener.accept()[0] as client:
        client.recv(4096)
        client.sendall(words)


def test_healthcheck_needs_to_know_the_port() -> None:
    result = run("healthcheck", "--port=0")
    assert result.returncode == 1
    assert "SIDECAR_PORT is 0" in result.stderr


def test_healthcheck_of_a_wrong_configuration_is_1_not_2() -> None:
    """Docker keeps 2 for itself."""
    result = run("healthcheck", SIDECAR_PORT="x")
    assert result.returncode == 1
    assert result.stderr.endswith("session-sidecar: the configuration is not valid\n")
