"""The whole run: which contenders, in what order."""

import sys
import time
from contextlib import ExitStack

from bench.contenders import CONTENDERS, Contender
from bench.events import measure_streams
from bench.extent import Extent
from bench.figures import Figures
from bench.goals import START
from bench.requests import measure_requests
from bench.running import Running
from bench.sessions import measure_restart, measure_sessions
from bench.singles import measure_one
from bench.stage import Stage

BEGAN = time.monotonic()


def measure(here: Stage, figures: Figures, extent: Extent) -> None:
    present = _present(here)
    _together(here, present, figures, extent)
    for contender in present:
        _alone(here, contender, figures, extent)
    say("sessions")
    with here.or_left_out("sessions"):
        measure_sessions(here, figures, extent.live)
    for live in extent.restored:
        say(f"{live:,} sessions restored and swept")
        with here.or_left_out(f"{live:,} sessions restored"):
            measure_restart(here, figures, live)


def _present(here: Stage) -> list[Contender]:
    for one in CONTENDERS:
        if one.missing is not None:
            here.leave_out(one.name, f"not on this machine: {one.missing}")
    return [one for one in CONTENDERS if one.missing is None]


def _together(here: Stage, present: list[Contender], figures: Figures, extent: Extent) -> None:
    """All run at once and take turns: A B C A B C."""
    with ExitStack() as stack:
        running: list[Running] = []
        for contender in present:
            with here.or_left_out(contender.name):
                running.append(stack.enter_context(here.running(contender)))
                figures.add(START, contender.name, running[-1].ready_ms)
        say(f"requests, {extent.request_rounds} rounds of {len(running)} contenders")
        measure_requests(here, running, figures, extent.request_rounds)
        streaming = [
            one for one in running if one.contender.is_proxy and extent.is_wanted(one.contender)
        ]
        say(f"streams, {extent.stream_rounds} rounds of {len(streaming)} contenders")
        measure_streams(here, streaming, figures, extent.stream_rounds, extent.streams)


def _alone(here: Stage, contender: Contender, figures: Figures, extent: Extent) -> None:
    if contender.name in here.left_out or not extent.is_wanted(contender):
        return
    say(f"memory, bodies, clients that go: {contender.name}")
    measure_one(here, contender, figures, extent)


def say(what: str) -> None:
    print(f"{time.monotonic() - BEGAN:5.0f} s  {what}", file=sys.stderr, flush=True)
