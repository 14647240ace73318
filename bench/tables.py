"""The figures as Markdown, each ratio beside its goal."""

import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

# Peer's CPU per request over ours, at c=32 and c=256.
GOALS = {
    "nginx": (0.75, 0.75),
    "haproxy": (0.75, 0.75),
    "byte pump on uvloop": (0.65, 0.65),
    "textbook aiohttp": (6.0, 10.0),
}


def ratios(peer: Sequence[float], ours: Sequence[float]) -> float:
    """The median of the ratios of rounds that were measured side by side."""
    return statistics.median(theirs / mine for theirs, mine in zip(peer, ours, strict=True))


def verdict(ratio: float, goal: float | None) -> str:
    if goal is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} (goal {goal:g}: {'met' if ratio >= goal else 'missed'})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def report(
    running: Sequence[Any],
    ours: str,
    loads: Sequence[str],
    missing: Mapping[str, str | None],
    rounds: int,
    seconds: int,
) -> str:
    [mine] = [one for one in running if one.contender.name == ours]
    costs = (
        [one.contender.name, *(f"{statistics.median(one.cpu_us[load]):.1f}" for load in loads)]
        for one in running
    )
    compared = (
        [one.contender.name, *_compared(one, mine, loads)] for one in running if one is not mine
    )
    others = (
        [
            one.contender.name,
            f"{one.ready_ms:.0f}",
            f"{one.base_kib / 1024:.0f}",
            f"{one.idle_kib:.1f}",
        ]
        for one in running
    )
    parts = [
        "# Results\n",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {_versions()}.\n",
        f"POST with 300 bytes of JSON and a session header, 200 bytes back. {rounds} rounds of "
        f"{seconds} s, contenders in turn, each on one core; load and engine on the other. "
        "CPU is what the kernel counts for all threads of the contender.\n",
        "## CPU per request, microseconds\n",
        table(["contender", *loads], costs),
        f"## A peer's CPU over that of `{ours}`, median of paired rounds\n",
        table(["contender", *loads], compared),
        "## Start and memory\n",
        table(["contender", "ms to listening", "base MiB", "KiB per idle connection"], others),
    ]
    if missing:
        lines = (f"- {name}: `{how}`" for name, how in missing.items())
        parts.append("Not on this machine, so left out:\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _compared(one: Any, mine: Any, loads: Sequence[str]) -> list[str]:
    small, large = GOALS.get(one.contender.name, (None, None))
    goals = {"c=32": small, "c=256": large}
    return [verdict(ratios(one.cpu_us[load], mine.cpu_us[load]), goals.get(load)) for load in loads]


def _versions() -> str:
    known = [f"Python {platform.python_version()}", f"aiohttp {version('aiohttp')}"]
    known.append(f"uvloop {version('uvloop')}")
    for name, flag in (("nginx", "-v"), ("haproxy", "-v")):
        if shutil.which(name):
            said = subprocess.run([name, flag], capture_output=True, text=True)
            known.append((said.stdout or said.stderr).splitlines()[0].split("http")[0].strip())
    return ", ".join(known)
