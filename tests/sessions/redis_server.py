"""A real redis-server or valkey-server, whose clock a test moves if it wants to (moved_time.c)."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Literal

import pytest

Kind = Literal["redis", "valkey"]

START_LIMIT = 10.0
_SHIM = Path(__file__).with_name("moved_time.c")


def require(*commands: str) -> None:
    for command in commands:
        if shutil.which(command) is None:
            pytest.skip(f"needs the Debian package {command}")


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port


class RedisServer:
    """`frozen`: with the clock that `set_time` moves; else with the machine's."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        kind: Kind = "redis",
        frozen: bool = False,
        tls: bool = False,
    ) -> None:
        require(f"{kind}-server", *(["gcc"] if frozen else []))
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._kind = kind
        self.socket = directory / "redis.sock"
        self.port = free_port()
        self._time = directory / "time"
        self._frozen = frozen
        port = ("--port", "0", "--tls-port") if tls else ("--port",)
        self._command = [
            *(f"{kind}-server", "--bind", "127.0.0.1", *port, str(self.port)),
            *("--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"),
            *("--dir", str(directory), "--logfile", str(directory / "log"), *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self._kind}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Empty, however it ended before."""
        environment = dict(os.environ)
        if self._frozen:
            environment |= {"LD_PRELOAD": str(self._shim()), "MOVED_TIME": str(self._time)}
        self._process = subprocess.Popen(self._command, env=environment)
        self._await_socket()

    def set_time(self, wall: float) -> None:
        fd = os.open(self._time, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=q", round(wall * 1_000_000)), 0)
        os.close(fd)

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [f"{self._kind}-cli", "-s", str(self.socket), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=START_LIMIT,
        )
        return done.stdout

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self.kill()

    def _shim(self) -> Path:
        library = self.directory / "moved_time.so"
        command = ["gcc", "-O1", "-shared", "-fPIC", "-nostdlib", "-o", str(library), str(_SHIM)]
        subprocess.run(command, check=True)
        return library

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _await_socket(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.directory / "log").read_text()
            with socket.socket(socket.AF_UNIX) as trial:
                try:
                    trial.connect(str(self.socket))
                except OSError:
                    time.sleep(0.01)
                else:
                    return
        raise AssertionError(f"{self._kind}-server did not start")


class Sentinel(RedisServer):
    """One that watches a primary and puts its replica in its place when it is gone."""

    def __init__(self, directory: Path, primary: RedisServer) -> None:
        super().__init__(directory)
        config = directory / "sentinel.conf"
        config.write_text(
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 600\n"
            "sentinel failover-timeout main 3000\n"
        )
        self._command = [
            *("redis-server", str(config), "--sentinel", "--bind", "127.0.0.1"),
            *("--port", str(self.port), "--unixsocket", str(self.socket)),
            *("--dir", str(directory), "--logfile", str(directory / "log")),
        ]
