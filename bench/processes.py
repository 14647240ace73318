"""Processes that are started, waited for and ended; none is left behind."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

from bench.kernel import tree

START_LIMIT = 20.0


class NotStartedError(Exception):
    """A contender ended, or does not listen."""


def clean_environment() -> dict[str, str]:
    """No setting of the caller's reaches a contender; what is installed has its bytecode."""
    names = ("SIDECAR_", "SAGEMAKER_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)}


def end_orphans() -> None:
    for pid in tree(os.getpid())[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """At once, with all it has started: nothing here has anything to lose."""
    for pid in tree(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise NotStartedError(f"ended with {process.returncode}")
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.002)
    raise NotStartedError(f"did not listen within {START_LIMIT:g} s")
