"""The proxies that are measured, and how each is started in front of the engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Contender:
    """`command` is given the port to listen on, the engine's port and a scratch directory.

    needs: the programme it needs, and how to get it.
    """

    name: str
    command: Callable[[int, int, Path], list[str]]
    variables: Callable[[int, int, Path], dict[str, str]] = lambda port, engine, scratch: {}
    needs: tuple[str, str] | None = None
    has_sessions: bool = False

    @property
    def missing(self) -> str | None:
        """How to get what is not here."""
        if self.needs is None or shutil.which(self.needs[0]):
            return None
        return self.needs[1]


def _sidecar(port: int, engine: int, scratch: Path) -> list[str]:
    return [sys.executable, "-m", "sidecar", "serve"]


def _variables(express: str, log: str) -> Callable[[int, int, Path], dict[str, str]]:
    def variables(port: int, engine: int, scratch: Path) -> dict[str, str]:
        return {
            "SIDECAR_ENGINE_URL": f"http://127.0.0.1:{engine}",
            "SIDECAR_HOST": "127.0.0.1",
            "SIDECAR_PORT": str(port),
            "SIDECAR_ADMIN_PORT": "off",
            "SIDECAR_SESSIONS_PATH": str(scratch / f"sessions-{port}"),
            "SIDECAR_EXPRESS": express,
            "SIDECAR_ACCESS_LOG": log,
        }

    return variables


def _configured(name: str, *command: str) -> Callable[[int, int, Path], list[str]]:
    def prepare(port: int, engine: int, scratch: Path) -> list[str]:
        text = (PEERS / name).read_text()
        for word, value in (("PORT", port), ("ENGINE", engine), ("DIR", scratch)):
            text = text.replace(f"@{word}@", str(value))
        (scratch / name).write_text(text)
        return [*command, str(scratch / name)]

    return prepare


def _script(name: str) -> Callable[[int, int, Path], list[str]]:
    return lambda port, engine, scratch: [
        sys.executable,
        str(PEERS / name),
        str(port),
        str(engine),
    ]


EXPRESS = Contender("sidecar", _sidecar, _variables("on", "off"), has_sessions=True)
NGINX = Contender(
    "nginx",
    _configured("nginx.conf", "nginx", "-c"),
    needs=("nginx", "apt-get install nginx-light"),
)
CONTENDERS = (
    EXPRESS,
    Contender("sidecar, access log", _sidecar, _variables("on", "on"), has_sessions=True),
    Contender("sidecar, aiohttp lane", _sidecar, _variables("off", "off"), has_sessions=True),
    NGINX,
    Contender(
        "haproxy",
        _configured("haproxy.cfg", "haproxy", "-f"),
        needs=("haproxy", "apt-get install haproxy"),
    ),
    Contender("byte pump on uvloop", _script("pump.py")),
    Contender("textbook aiohttp", _script("textbook.py")),
)


def start(
    contender: Contender, port: int, engine: int, scratch: Path, core: int
) -> subprocess.Popen[bytes]:
    command = contender.command(port, engine, scratch)
    with (scratch / f"{port}.log").open("wb") as log:
        return subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            env=os.environ | contender.variables(port, engine, scratch),
            stdout=log,
            stderr=log,
        )
