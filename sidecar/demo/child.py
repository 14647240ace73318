"""One of the demo's two processes: started, watched until it is ready, and always ended."""

import os
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 20.0
STOP_SECONDS = 10.0
LOG_TAIL = 2000


class DemoFailed(Exception):
    """What the last line says before exit 1."""


class Child:
    """`with Child("engine", scratch, "some.module", "--flag") as child:`"""

    def __init__(self, name: str, scratch: Path, *command: str, **variables: str) -> None:
        self._name = name
        self._log = scratch / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=_environment() | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A terminal sends Ctrl-C to its whole group; here only the demo gets it, and
                # ends the two in order.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Raises DemoFailed, with the end of its log, if the process is gone."""
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-LOG_TAIL:]
            raise DemoFailed(f"the {self._name} ended ({self._process.returncode}):\n{tail}")

    def wait_ready(self, port: int, path: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers_200(port, path):
            self.check()
            if time.monotonic() > deadline:
                raise DemoFailed(f"the {self._name} is not ready after {START_SECONDS:.0f} s")
            time.sleep(0.05)


def _answers_200(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """Ours, less the settings of a sidecar that its user runs elsewhere."""
    foreign = ("SIDECAR_", "SAGEMAKER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
