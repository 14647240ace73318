"""Where the sidecar's time goes at c=32: by library and symbol (perf), by function (cProfile)."""

import asyncio
import cProfile
import os
import pstats
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.contenders import Contender, Place, sidecar_variables
from bench.goals import EXPRESS, cpu
from bench.processes import clean_environment, end
from bench.requests import Load, drive
from bench.running import Running, WrongAnswerError
from bench.sessions import fill
from bench.stage import Stage
from bench.tables import number, table

SECONDS = 4
ROWS = 25
OPENINGS = 5000
LOAD = Load(cpu(32), 32)
HERTZ = "997"  # not a multiple of a timer's
FILE_LIMIT = 10.0
# Name, calls and own seconds of a function.
Entry = tuple[str, int, float]


def profile(stage: Stage) -> str:
    parts: list[str] = []
    for part in (by_symbol, by_function, of_opening, of_imports):
        with stage.or_left_out(f"profile {part.__name__}"):
            parts.append(part(stage))
    return "\n".join(parts)


def by_symbol(stage: Stage) -> str:
    """As the processor sees it; nothing is slowed down."""
    if shutil.which("perf") is None:
        return "No profile by symbol: `perf` is not on this machine.\n"
    file = stage.scratch / "perf.data"
    with stage.running(Contender(EXPRESS, _serve, sidecar_variables(), has_sessions=True)) as one:
        record = ["perf", "record", "-q", "-F", HERTZ, "-o", str(file), "-p", str(one.pid)]
        with subprocess.Popen(record, stderr=subprocess.PIPE, text=True) as recorder:
            try:
                _drive(stage, one)
                recorder.send_signal(signal.SIGINT)  # it writes what it has
                _, said = recorder.communicate(timeout=60)
            finally:
                end(recorder)
    if not file.exists():
        return f"No profile by symbol: {' '.join(said.split())[:200]}\n"
    objects = table(["share", "object"], _shares(file, "dso")[:8])
    symbols = table(["share", "object", "symbol"], _shares(file, "dso,symbol")[:ROWS])
    file.unlink()
    return f"By object and by symbol, of samples of `{EXPRESS}` (perf):\n\n{objects}\n{symbols}"


def _shares(file: Path, sort: str) -> list[list[str]]:
    command = ["perf", "report", "-i", str(file), "--stdio", "-q", "--sort", sort, "-t", "|"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    return shares_in(said, 2 + sort.count(","))


def shares_in(said: str, columns: int) -> list[list[str]]:
    """The lines of `perf report` that begin with a percentage; further columns are dropped."""
    lines = [line for line in said.splitlines() if re.match(r"\s*\d+\.\d+%", line)]
    rows = [[cell.strip() for cell in line.split("|")[:columns]] for line in lines]
    return [[*row[:-1], f"`{row[-1]}`"] for row in rows]


def by_function(stage: Stage) -> str:
    """cProfile slows down whoever calls much: of use for what is called, less for how long."""
    file = stage.scratch / "cprofile"

    def command(place: Place) -> list[str]:
        return [sys.executable, "-m", "bench.profiled", str(file), "serve"]

    with stage.running(Contender(EXPRESS, command, sidecar_variables(), has_sessions=True)) as one:
        os.kill(one.pid, signal.SIGUSR1)
        requests = _drive(stage, one)
        os.kill(one.pid, signal.SIGUSR2)
        _wait_for_file(file)
    shown = function_table(_entries(pstats.Stats(str(file))), requests, ROWS)
    return f"By function, slowed down by the profiler (cProfile, wall clock):\n\n{shown}"


def of_opening(stage: Stage) -> str:
    path = stage.scratch / "profiled"
    kept = cProfile.Profile()
    kept.runcall(asyncio.run, fill(path, OPENINGS))
    shutil.rmtree(path)
    shown = function_table(_entries(pstats.Stats(kept)), OPENINGS, 10)
    return f"NEW_SESSION in the store, of {OPENINGS:,}:\n\n{shown}"


def of_imports(stage: Stage) -> str:
    """Most of the time until the sidecar listens."""
    command = [sys.executable, "-X", "importtime", "-c", "import sidecar.app"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=clean_environment()
    )
    spent = imports_in(ended.stderr)
    rows = ([f"{own / 1000:.1f}", f"`{name}`"] for name, own in spent.most_common(12))
    return f"Imports at the start, by package:\n\n{table(['own ms', 'package'], rows)}"


def imports_in(said: str) -> Counter[str]:
    """Microseconds by package, of what `python -X importtime` says."""
    spent: Counter[str] = Counter()
    for own, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", said, re.MULTILINE):
        spent[name.partition(".")[0]] += int(own)
    return spent


def function_table(entries: Sequence[Entry], times: int, rows: int) -> str:
    total = sum(own for _, _, own in entries)
    shown = (
        [f"{own / total:.1%}", number(own / times * 1e6), f"{calls / times:.2f}", f"`{name}`"]
        for name, calls, own in sorted(entries, key=lambda entry: -entry[2])[:rows]
    )
    return table(["share", "own us for each, profiled", "calls for each", "function"], shown)


def _entries(stats: pstats.Stats) -> list[Entry]:
    known: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = vars(stats)["stats"]
    return [
        (_short(file, name), calls, own) for (file, _, name), (_, calls, own, *_) in known.items()
    ]


def _short(file: str, name: str) -> str:
    """No path of this machine: the last two parts of a file's."""
    if file == "~":  # built in
        return re.sub(r" object at 0x[0-9a-f]+", "", name)
    return f"{'/'.join(Path(file).parts[-2:])}:{name}"


def _drive(stage: Stage, one: Running) -> int:
    said = drive(stage, LOAD, one.port, one.contender.path, one.session, SECONDS)
    if said.failed:
        raise WrongAnswerError(f"{said.failed} requests failed while the sidecar was profiled")
    return said.requests


def _serve(place: Place) -> list[str]:
    return [sys.executable, "-m", "sidecar", "serve"]


def _wait_for_file(file: Path) -> None:
    limit = time.monotonic() + FILE_LIMIT
    while not file.exists():
        if time.monotonic() > limit:
            raise WrongAnswerError("no profile was written")
        with suppress(InterruptedError):
            time.sleep(0.05)
