"""Lines reach a descriptor whole and in order, and nobody waits for one that takes none."""

import fcntl
import os
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from sidecar.ops.lines import Lines

LINE = "x" * 99


def told(count: int) -> str:
    return f"dropped {count}\n"


class Pipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def read_line_by_line(self, into: list[str]) -> threading.Thread:
        def read() -> None:
            with os.fdopen(self.reader, "r") as file:
                into.extend(line.rstrip("\n") for line in file)

        thread = threading.Thread(target=read)
        thread.start()
        return thread


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for descriptor in (pipe.reader, pipe.writer):
        try:
            os.close(descriptor)
        except OSError:
            assert descriptor == pipe.reader  # closed by the one who read


def finish(lines: Lines, pipe: Pipe) -> list[str]:
    """Everything that a reader gets who begins now."""
    read: list[str] = []
    thread = pipe.read_line_by_line(read)
    lines.close()
    os.close(pipe.writer)
    thread.join(10)
    pipe.writer = os.open(os.devnull, os.O_WRONLY)
    return read


def test_a_line_comes_at_once(pipe: Pipe) -> None:
    lines = Lines(pipe.writer, told)
    for number in range(3):
        before = time.monotonic()
        lines.add(f"{number}\n")
        assert os.read(pipe.reader, 100) == b"%d\n" % number
        assert time.monotonic() - before < 0.3
    assert finish(lines, pipe) == []


@pytest.mark.parametrize("step", range(1, 7))
def test_the_last_line_is_written_whatever_the_writer_is_at(pipe: Pipe, step: int) -> None:
    """The writer rests before its `step`th line of code behind a write, and the end comes."""
    written, steps, reached = False, 0, threading.Event()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal written, steps
        if Path(frame.f_code.co_filename).name != "lines.py":
            return None
        if event == "return" and frame.f_code.co_name == "_write":
            written = True
        elif event == "line" and written:
            steps += 1
            if steps == step:
                reached.set()
                time.sleep(0.05)
        return trace

    before = threading.gettrace()
    threading.settrace(trace)
    try:
        lines = Lines(pipe.writer, told)
        lines.add("first\n")
        assert reached.wait(10)
    finally:
        threading.settrace(before)
    lines.add("last\n")
    assert finish(lines, pipe) == ["first", "last"]


def test_a_reader_that_stalls_delays_nobody_and_is_told_what_it_missed(pipe: Pipe) -> None:
    lines = Lines(pipe.writer, told, backlog=100_000)
    before, slowest = time.monotonic(), 0.0
    for number in range(20_000):
        lines.add(f"{number:06} {LINE}\n")
        slowest, before = max(slowest, time.monotonic() - before), time.monotonic()
    assert slowest < 0.5
    *kept, last = finish(lines, pipe)
    assert [int(line[:6]) for line in kept] == list(range(len(kept)))
    # The pipe itself holds 64 KiB, which the backlog has no more.
    assert 100_000 <= sum(len(line) + 1 for line in kept) <= 300_000
    assert last == f"dropped {20_000 - len(kept)}" and lines.dropped == 20_000 - len(kept)


def test_each_stall_is_told_once(pipe: Pipe) -> None:
    fcntl.fcntl(pipe.writer, fcntl.F_SETPIPE_SZ, 4096)
    lines = Lines(pipe.writer, told, backlog=1000)
    for missed in (2000, 3000):
        lines.add("y" * 8000 + "\n")
        select.select((pipe.reader,), (), ())  # now it is stuck in the middle of that line
        for _ in range(missed):
            lines.add(LINE + "\n")
        read = ""
        while "dropped" not in read or not read.endswith("\n"):
            read += os.read(pipe.reader, 65536).decode()
        assert read == "y" * 8000 + f"\ndropped {missed}\n"
    assert lines.dropped == 5000
    assert finish(lines, pipe) == []


def test_a_pipe_that_somebody_made_non_blocking(pipe: Pipe) -> None:
    flags = fcntl.fcntl(pipe.writer, fcntl.F_GETFL)
    fcntl.fcntl(pipe.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    lines = Lines(pipe.writer, told)
    for number in range(5000):
        lines.add(f"{number} {LINE}\n")
    read = finish(lines, pipe)
    assert [line.split()[0] for line in read] == [str(number) for number in range(5000)]


def test_a_reader_that_is_gone(pipe: Pipe) -> None:
    lines = Lines(pipe.writer, told)
    os.close(pipe.reader)
    for _ in range(10):
        lines.add("x\n")
    lines.close()
    assert lines.dropped == 10


def test_a_line_that_a_full_disk_tore_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lines = Lines(descriptor, told)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
        lines.add(LINE + "\n")
        deadline = time.monotonic() + 5
        while not lines.dropped and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    lines.add("whole\n")
    lines.close()
    os.close(descriptor)
    assert path.read_text().splitlines() == ["x" * 50, "whole", "dropped 1"]


def test_two_processes_on_one_pipe_do_not_mix(tmp_path: Path) -> None:
    program = (
        "import sys; from sidecar.ops.log import LOG\n"
        "for _ in range(3000): LOG.lines.add(sys.argv[1] * 200 + chr(10))"
    )
    reader, writer = os.pipe()
    children = [
        subprocess.Popen([sys.executable, "-c", program, name], stdout=writer) for name in "abc"
    ]
    os.close(writer)
    with os.fdopen(reader) as file:
        read = [line.rstrip("\n") for line in file]
    assert [child.wait(10) for child in children] == [0, 0, 0]
    assert sorted(read) == sorted(name * 200 for name in "abc" for _ in range(3000))


def test_many_threads_lose_nothing(pipe: Pipe) -> None:
    lines = Lines(pipe.writer, told)
    read: list[str] = []
    reader = pipe.read_line_by_line(read)

    def add(name: int) -> None:
        for number in range(2000):
            lines.add(f"{name} {number}\n")

    threads = [threading.Thread(target=add, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.close()
    os.close(pipe.writer)
    reader.join(10)
    pipe.writer = os.open(os.devnull, os.O_WRONLY)
    for name in range(4):
        mine = [line.split()[1] for line in read if line.startswith(f"{name} ")]
        assert mine == [str(number) for number in range(2000)]
    assert len(read) == 8000


FINALIZED = """
import sys
from sidecar.ops.lines import Lines

class Last:
    def __init__(self):
        self.lines, self.sys = Lines(1, str), sys

    def __del__(self):
        self.lines.add(f"{self.sys.is_finalizing()}\\n")

last = Last()
last.itself = last
"""


def test_a_first_line_at_the_very_end_of_the_process() -> None:
    """Where no thread can be started any more: CPython 3.11 would wait for it for ever."""
    done = subprocess.run(
        [sys.executable, "-c", FINALIZED], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
