"""Nothing that the benchmark starts outlives it, and nothing of the caller's reaches it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.kernel import tree
from bench.processes import NotStartedError, clean_environment, end, free_port, wait_for

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_what_a_contender_has_started_ends_with_it() -> None:
    with start(PARENT) as process:
        limit = time.monotonic() + 10
        while len(tree(process.pid)) < 2:
            assert time.monotonic() < limit
            time.sleep(0.01)
        pids = tree(process.pid)
        end(process)
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_contender_that_ends_is_not_waited_for() -> None:
    with start("raise SystemExit(3)") as process, pytest.raises(NotStartedError, match="with 3"):
        wait_for(free_port(), process)


def test_the_environment_of_the_caller_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDECAR_WORKERS", "7")
    assert "SIDECAR_WORKERS" not in clean_environment()
    assert clean_environment()["PATH"] == os.environ["PATH"]
