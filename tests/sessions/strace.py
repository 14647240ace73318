"""strace(1) as a tool of destruction: kill, or fail, at the n-th call of one kind.

A first run without injection writes down all calls, so that the n-th of each kind is known.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

# Everything that changes a file system, and the write of an acknowledgement.
CHANGES = frozenset(
    {"mkdir", "mkdirat", "openat", "utimensat", "write", "rename", "renameat", "renameat2"}
    | {"unlink", "unlinkat", "rmdir", "ftruncate", "fchmodat", "chmod"}
)
# Also what only looks: an error there must be mapped as well.
CALLS = CHANGES | {
    "newfstatat",
    "fstat",
    "fstatfs",
    "getdents64",
    "flock",
    "close",
    "read",
    "pread64",
}
LIMIT = 30.0


@dataclass(frozen=True)
class Point:
    call: str
    number: int
    is_speech: bool = False

    def __str__(self) -> str:
        return f"{self.call}-{self.number}"


def require() -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs the Debian package strace")


def run(directory: Path, *options: str) -> tuple[int, list[list[str]]]:
    """The victim's exit code and what it said."""
    command = [sys.executable, "-B", "-m", "tests.sessions.victim", str(directory)]
    # A thread of the allocator or a hash seed must not move the n-th call.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    # With the filter a call that nobody asked for costs nothing: 0.12 s, not 0.37. It comes too
    # late for a signal, though (strace 6.1: the call is made, and nobody killed).
    fast = [] if any("signal=" in each for each in options) else ["--seccomp-bpf"]
    done = subprocess.run(
        ["strace", "-qq", "-f", *fast, *options, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode not in (0, 137, -9):
        raise AssertionError(f"the victim ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.returncode, [line.split(" ", 1) for line in done.stdout.splitlines()]


def points(directory: Path, log: Path, calls: frozenset[str]) -> list[Point]:
    """Every call of these kinds that the victim makes between its first word and its last."""
    trace = ",".join(f"?{call}" for call in sorted(calls))
    code, said = run(directory, "-o", str(log), "-e", f"trace={trace}")
    assert (code, said[-1]) == (0, ["done"])
    seen: Counter[str] = Counter()
    found: list[Point] = []
    begun = False
    for line in log.read_text().splitlines():
        if (match := re.match(r"\d+ +((\w+)\(.*)", line)) is None:
            continue
        line, call = match.groups()
        seen[call] += 1
        if begun:
            found.append(Point(call, seen[call], line.startswith("write(1, ")))
        begun = begun or line.startswith('write(1, "begin')
        if line.startswith('write(1, "done'):
            break
    return found


@dataclass(frozen=True)
class Strike:
    """What happened at one point, and the directory as the victim left it."""

    point: Point
    directory: Path
    code: int
    said: list[list[str]]


def strike_everywhere(
    points: list[Point], what: str, prepare: Callable[[Path], None], scratch: Path
) -> Iterator[Strike]:
    """Each point has a directory of its own. Victims wait for strace, hence the threads."""

    def strike(point: Point) -> Strike:
        directory, log = scratch / str(point), scratch / f"{point}.log"
        prepare(directory)
        injection = f"inject={point.call}:{what}:when={point.number}"
        code, said = run(directory, "-o", str(log), "-e", f"trace={point.call}", "-e", injection)
        assert re.search(r"\(INJECTED\)|killed by SIGKILL", log.read_text()), f"{point} not met"
        return Strike(point, directory, code, said)

    with ThreadPoolExecutor(3) as pool:
        yield from pool.map(strike, points)
