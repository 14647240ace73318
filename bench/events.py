"""Event streams: CPU per event, and how soon a thousand streams that open at once begin."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.figures import Figures
from bench.goals import FIRST_EVENT, LAST_EVENT, events
from bench.kernel import cpu_ns
from bench.processes import end
from bench.running import Running, WrongAnswerError
from bench.stage import Stage

MILLISECONDS = 1000
# At any number of streams as many events a second, which the slowest contender can carry.
EVENTS_PER_SECOND = 5000
MANY = 1000


class Streams:
    """Open streams of one contender, each with its first event."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def count(self) -> tuple[int, int, int]:
        """Events in the window that begins now; p50 and p99 of microseconds to the first."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        number, median, last = self.line().split()
        return int(number), int(median), int(last)

    def line(self) -> str:
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise WrongAnswerError(f"streams: {self._process.stderr.read().strip()}")
        return line


@contextmanager
def open_streams(stage: Stage, one: Running, number: int) -> Iterator[Streams]:
    interval = number * 1000 // EVENTS_PER_SECOND
    request = one.request(f'{{"model":"bench","prompt":"sse {interval}","stream":true}}')
    numbers = [str(one.port), str(number), str(MILLISECONDS)]
    command = [str(stage.scratch / "streams"), *numbers, request.decode()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            streams = Streams(process)
            streams.line()
            yield streams
        finally:
            end(process)


def measure_streams(
    stage: Stage, running: Sequence[Running], figures: Figures, rounds: int, sizes: Sequence[int]
) -> None:
    for _ in range(rounds):
        for size in sizes:
            for one in stage.still_in(running):
                with stage.or_left_out(one.contender.name):
                    _measure(stage, one, figures, size)


def _measure(stage: Stage, one: Running, figures: Figures, size: int) -> None:
    name = one.contender.name
    with open_streams(stage, one, size) as streams:
        before = cpu_ns(one.pid)
        number, median, last = streams.count()
        used = cpu_ns(one.pid) - before
    if not number:
        raise WrongAnswerError(f"no event passed in {MILLISECONDS} ms")
    figures.add(events(size), name, used / 1000 / number)
    if size == MANY:
        figures.add(FIRST_EVENT, name, median / 1000)
        figures.add(LAST_EVENT, name, last / 1000)
