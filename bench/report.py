"""The results as one Markdown text, and the table of it that the README shows."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench import sessions
from bench.extent import Extent
from bench.figures import Figures
from bench.goals import (
    ADDED,
    BASE,
    DOWN,
    EXPRESS,
    FIRST_EVENT,
    GONE,
    IDLE,
    LAST_EVENT,
    NEW_HEADS,
    START,
    STREAM,
    UP,
    cpu,
    events,
    opening,
    restoring,
    sweeping,
)
from bench.requests import KERNEL
from bench.running import BODY
from bench.singles import CPU_DOWN, CPU_UP
from bench.tables import compared, goals, measured, number, table
from bench.versions import machine, versions

HERE = Path(__file__).parent
RESULTS, TRIED = HERE / "RESULTS.md", HERE / "TRIED.md"
README = HERE.parent / "README.md"
OPEN, CLOSE = "<!-- overhead -->", "<!-- /overhead -->"
MARKED = re.compile(f"{OPEN}\n(.*?){CLOSE}", re.DOTALL)

METHOD = f"""\
Every contender runs with one worker or thread (one has two workers) on one core; load (wrk, and
`streams.c` for event streams) and engine (`backend.c`) run on another. They take turns, A B C A B
C, in rounds of a second; a ratio compares what was measured in the same round, and the median of
the rounds is shown. CPU is the processor time of all threads and processes of a contender
(`/proc/*/task/*/schedstat`). A request is a POST with {len(BODY)} bytes of JSON and a session
header, its answer has 200 bytes, and one header is added on the way. It is the same one again and
again; where "every head new" is said, each has a request id of its own and one of 200 lengths.
Streams together carry 5,000 events a second, however many they are. Times that are no processor
time: latency, first events, starts, and clients that go.
"""


def report(figures: Figures, extent: Extent, left_out: Mapping[str, str], profile: str) -> str:
    return "\n".join(_parts(figures, extent, left_out, profile))


def _parts(
    figures: Figures, extent: Extent, left_out: Mapping[str, str], profile: str
) -> Iterator[str]:
    loads = [cpu(1), cpu(32), cpu(256), NEW_HEADS]
    short = ["c=1", "c=32", "c=256", "c=32, every head new"]
    yield "# Results\n"
    yield f"{datetime.now(UTC):%Y-%m-%d}, {machine()}; {', '.join(versions())}.\n"
    yield f"Made by `python -m bench --write`, rounds: {extent.request_rounds}.\n"
    yield METHOD
    if left_out:
        reasons = (f"- {name}: {why}\n" for name, why in left_out.items())
        yield "Without a figure:\n\n" + "".join(reasons)
    yield "## Goals\n"
    yield goals(figures)
    yield "## Overhead\n"
    yield f"{OPEN}\n{overhead(figures)}{CLOSE}\n"
    yield "## CPU per request, microseconds\n"
    yield measured(figures, loads, short)
    yield f"The same over that of `{EXPRESS}` in the same round:\n"
    yield compared(figures, loads, EXPRESS, short)
    yield "## Event streams\n"
    yield measured(figures, [*map(events, extent.streams), FIRST_EVENT, LAST_EVENT])
    yield "## Start and memory\n"
    yield measured(figures, [START, BASE, IDLE, STREAM])
    yield f"## A body of {extent.bodies >> 20:,} MiB\n"
    yield measured(figures, [DOWN, CPU_DOWN, UP, CPU_UP])
    yield "## A client that goes while the engine has not answered\n"
    yield measured(figures, [GONE])
    yield "## Sessions\n"
    yield _sessions(figures, extent)
    yield "## Where the time goes\n"
    yield _kernel(figures)
    yield profile
    yield TRIED.read_text().replace("# ", "## ", 1)


def overhead(figures: Figures) -> str:
    """The README's table."""
    loads = (cpu(32), cpu(256), NEW_HEADS)
    rows = (
        [
            name,
            *(number(figures.median(measure, name)) for measure in loads),
            *(_times(figures, measure, name) for measure in loads),
            *(number(figures.median(measure, name)) for measure in (ADDED, IDLE, BASE)),
        ]
        for name in figures.contenders([cpu(32)])
    )
    times = [f"times `{EXPRESS}`, {load.partition(', ')[2]}" for load in loads]
    return table(["contender", *loads, *times, ADDED, IDLE, BASE], rows)


def _times(figures: Figures, measure: str, name: str) -> str:
    return "1" if name == EXPRESS else number(figures.ratio(measure, name, EXPRESS))


def _sessions(figures: Figures, extent: Extent) -> str:
    kinds = (opening, sessions.using, sessions.closing)
    with_live = [kind(live) for kind in kinds for live in extent.live]
    restored = [
        kind(live) for live in extent.restored for kind in (restoring, sweeping, sessions.waiting)
    ]
    rows = (
        [measure, name, number(figures.median(measure, name))]
        for measure in (*with_live, *restored)
        for name in figures.contenders([measure])
    )
    return table(["what", "of", "measured"], rows)


def _kernel(figures: Figures) -> str:
    """The kernel's work is the same for whoever moves the bytes; the rest is a contender's own."""
    rows = []
    for name in figures.contenders([KERNEL]):
        whole, part = figures.median(cpu(32), name), figures.median(KERNEL, name)
        if whole is not None and part is not None:
            cells = (whole, whole * part, whole * (1 - part))
            rows.append([name, *(number(cell) for cell in cells), f"{part:.0%}"])
    heads = ["contender, c=32", "CPU us per request", "in the kernel", "outside", "kernel's part"]
    return table(heads, rows)


def between_markers(text: str) -> str:
    """What stands between the README's markers, in it or in the results."""
    found = MARKED.search(text)
    if found is None:
        raise ValueError(f"no {OPEN} ... {CLOSE}")
    return found[1]


def with_table(readme: str, table: str) -> str:
    return MARKED.sub(lambda _: f"{OPEN}\n{table}{CLOSE}", readme)


def write(text: str) -> None:
    RESULTS.write_text(text)
    README.write_text(with_table(README.read_text(), between_markers(text)))
