"""The lives of an engine one after the other, without the rest of the sidecar."""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.supervisor.budget import Budget
from sidecar.supervisor.supervisor import Supervisor
from tests.harness.engines import free_port
from tests.harness.waiting import eventually
from tests.harness.watch import Watch
from tests.life.asking import takes_connections

ENGINE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("engine.py")))


class Bench:
    """A supervisor whose calls are written down, and its task."""

    def __init__(self, *command: str, restarts: int = 0, ready: bool = True) -> None:
        self.calls: list[str] = []
        self.hurried = asyncio.Event()
        self.supervisor = Supervisor(
            command,
            Budget(restarts),
            grace=0.5,
            is_wanted=lambda: not self.hurried.is_set(),
            is_ready=lambda: ready,
            on_change=lambda: self.calls.append("change"),
            forget=self._forget,
        )
        self.run = asyncio.create_task(self.supervisor.run())

    async def _forget(self) -> None:
        self.calls.append("forget")

    def stop(self, seconds: float) -> None:
        self.supervisor.stop(time.monotonic() + seconds, self.hurried)

    async def code(self) -> int:
        return await asyncio.wait_for(self.run, 10)

    async def stage(self, done: Callable[[], bool]) -> None:
        assert await eventually(lambda: self.run.done() or done())


async def test_a_crash_loop_ends_with_the_code_of_the_last_crash(tmp_path: Path) -> None:
    """Not started again for ever, and with a pause before each start."""
    lives = tmp_path / "lives"
    watch = Watch()
    bench = Bench("sh", "-c", 'echo >>"$0"; exit $(wc -l <"$0")', str(lives), restarts=2)
    assert await bench.code() == 3
    assert bench.supervisor.restarts == 2
    assert watch.between(1.5, 5), watch
    assert bench.calls == ["forget", *("change", "change", "forget") * 2, "change", "change"]


async def test_without_restarts_the_first_end_is_the_last() -> None:
    bench = Bench("sh", "-c", "kill -KILL $$")
    assert await bench.code() == 137
    assert bench.supervisor.restarts == 0


async def test_a_command_that_is_not_there_is_not_tried_again() -> None:
    watch = Watch()
    assert await Bench("no-such-command", restarts=5).code() == 127
    assert watch.worked() < 2, watch


async def test_a_command_that_has_gone_meanwhile(tmp_path: Path) -> None:
    """An engine that replaces its own program badly: the restart must not spin."""
    script = tmp_path / "engine"
    script.write_text('#!/bin/sh\nrm -f "$0"\nexit 5\n')
    script.chmod(0o755)
    assert await Bench(str(script), restarts=5).code() == 127


@pytest.mark.parametrize("after", [0.0, 0.001, 0.01, 0.05])
async def test_a_stop_while_it_starts(after: float) -> None:
    bench = Bench("sleep", "60")
    await asyncio.sleep(after)
    bench.stop(5)
    assert await bench.code() in (0, 143)  # 0: it was never started


async def test_a_stop_between_two_lives() -> None:
    """In the longest of its pauses: it does not wait for the end of that."""
    bench = Bench("false", restarts=20)
    await bench.stage(lambda: bench.calls.count("forget") == 4)  # once at first, then per pause
    watch = Watch()
    bench.stop(5)
    assert await bench.code() == 1
    assert watch.worked() < 1.5, watch
    assert bench.supervisor.restarts == 2


async def test_an_engine_that_dies_while_it_is_stopped_is_not_started_again() -> None:
    bench = Bench("sh", "-c", "trap 'exit 9' TERM; echo >/dev/null; sleep 60 & wait", restarts=5)
    await bench.stage(lambda: "change" in bench.calls)
    await asyncio.sleep(0.2)  # until the shell has set its trap
    bench.stop(5)
    assert await bench.code() == 9
    assert bench.supervisor.restarts == 0


async def test_a_second_signal_leaves_it_the_grace_and_no_more() -> None:
    port = free_port()
    bench = Bench(*ENGINE, str(port), "deaf")
    await bench.stage(lambda: takes_connections(port))
    bench.stop(30)
    await asyncio.sleep(0.2)
    watch = Watch()
    bench.hurried.set()
    assert await bench.code() == 137
    assert watch.between(0.4, 3), watch


async def test_a_deadline_that_has_passed_kills_at_once() -> None:
    bench = Bench(*ENGINE, str(free_port()), "deaf")
    await bench.stage(lambda: "change" in bench.calls)
    bench.stop(-1)
    watch = Watch()
    assert await bench.code() in (137, 143)  # 143: it had not come to be deaf
    assert watch.worked() < 2, watch


async def test_an_engine_is_not_started_before_the_old_one_is_gone(tmp_path: Path) -> None:
    """What the crashed one has left, deaf and in its own session, holds the port for a while."""
    port, note, file = str(free_port()), tmp_path / "note", tmp_path / "pid"
    words = (f"note={note}", f"daemon={file}", "for=0.3", "exit=4")
    assert await Bench(*ENGINE, port, *words, restarts=1).code() == 4
    assert note.read_text().split() == [
        "start",
        "start",
    ]  # the second could listen, so it ended in 4


async def test_a_shortage_of_descriptors_is_no_fault_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An engine that ends while the sidecar has its hands full is started once there is room."""
    bench = Bench("sh", "-c", "sleep 0.2; exit 8", restarts=3)
    await bench.stage(lambda: "change" in bench.calls)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        await bench.stage(lambda: bench.supervisor.restarts == 1)
        await asyncio.sleep(0.2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await bench.code() == 8
    assert bench.supervisor.restarts == 3
    assert "cannot be started: sh: [Errno 24] Too many open files" in capsys.readouterr().err
