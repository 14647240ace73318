"""One life behind its guard: nothing of an engine outlives its end, whoever ends it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidecar.supervisor.child import CannotStart, Child
from tests.harness.engines import free_port
from tests.harness.waiting import eventually
from tests.harness.watch import Watch
from tests.life.asking import takes_connections

ENGINE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("engine.py")))


@asynccontextmanager
async def living(*command: str, grace: float = 5.0) -> AsyncIterator[Child]:
    child = Child(command, grace)
    await child.start()
    try:
        yield child
    finally:
        child.stop(0)
        await asyncio.wait_for(child.cleared(), 10)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def written(path: Path) -> int:
    assert await eventually(lambda: path.exists() and bool(path.read_text()))
    return int(path.read_text())


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9), ("kill -15 $$", -15), ("exit 127", 127)],
)
async def test_how_it_ended(script: str, code: int) -> None:
    async with living("sh", "-c", script) as child:
        assert await asyncio.wait_for(child.ended(), 5) == code
        await asyncio.wait_for(child.cleared(), 5)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("no-such-command", 127, "No such file or directory"),
        ("/etc/passwd/x", 127, "Not a directory"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/", 126, "Permission denied"),
    ],
)
async def test_a_command_that_cannot_be_started(command: str, code: int, words: str) -> None:
    with pytest.raises(CannotStart) as told:
        await Child((command, "argument"), 5.0).start()
    assert told.value.exit_code == code
    assert str(told.value) == f"the engine's command cannot be started: {command}: {words}"


async def test_what_it_finds_when_it_starts(tmp_path: Path) -> None:
    """No signal ignored or blocked, nothing open but the three, a group of its own, no input."""
    found = tmp_path / "found"
    look = (
        "exec >$0; grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/$$/fd; cat;"
        "cut -d' ' -f5 /proc/$$/stat"
    )
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        async with living("sh", "-c", look, str(found)) as child:
            assert await asyncio.wait_for(child.ended(), 5) == 0
    finally:
        os.close(reader)
        os.close(writer)
    _, blocked, _, ignored, *rest = found.read_text().split()
    assert rest == ["0", "1", "2", str(child.pid)]
    # 32 and 33 are the C library's own, and nothing that a program can set back.
    assert [int(signals, 16) & 0x7FFFFFFF for signals in (blocked, ignored)] == [0, 0]


async def test_a_stop_waits_for_an_engine_that_takes_its_time(tmp_path: Path) -> None:
    note = tmp_path / "note"
    port = free_port()
    async with living(*ENGINE, str(port), f"note={note}", "slow=1") as child:
        assert await eventually(lambda: takes_connections(port))
        watch = Watch()
        child.stop(8)
        assert await child.ended() == 0
        assert watch.between(0.9, 4), watch
    assert note.read_text().split() == ["start", "SIGTERM", "obeyed"]


async def test_an_engine_that_does_not_obey_is_killed_in_time() -> None:
    port = free_port()
    async with living(*ENGINE, str(port), "deaf") as child:
        assert await eventually(lambda: takes_connections(port))
        watch = Watch()
        child.stop(1)
        assert await child.ended() == -9
        assert watch.between(0.9, 3), watch


async def test_a_stop_can_be_hastened_and_not_put_off() -> None:
    port = free_port()
    async with living(*ENGINE, str(port), "deaf") as child:
        assert await eventually(lambda: takes_connections(port))
        watch = Watch()
        for seconds in (60, 0.5, 30):
            child.stop(seconds)
        assert await child.ended() == -9
        assert watch.worked() < 3, watch


async def test_a_stopped_engine_is_killed_too() -> None:
    port = free_port()
    async with living(*ENGINE, str(port)) as child:
        assert await eventually(lambda: takes_connections(port))
        os.kill(child.pid, signal.SIGSTOP)
        child.stop(0.3)
        assert await asyncio.wait_for(child.ended(), 5) == -9


@pytest.mark.parametrize("kind", ["child", "daemon"])
@pytest.mark.parametrize("end", ["exit=3", "stop"])
async def test_nothing_that_it_left_behind_lives_on(tmp_path: Path, kind: str, end: str) -> None:
    """A deaf grandchild that holds the port, in the group or in a session of its own."""
    port, file = free_port(), tmp_path / "pid"
    words = (f"{kind}={file}", *(() if end == "stop" else (end, "for=0.3")))
    async with living(*ENGINE, str(port), *words, grace=0.5) as child:
        left = await written(file)
        if end == "stop":
            child.stop(5)
        assert await asyncio.wait_for(child.ended(), 5) == (0 if end == "stop" else 3)
        await asyncio.wait_for(child.cleared(), 5)
        assert not is_alive(left)
        assert not takes_connections(port)


async def test_the_first_process_is_told_first_and_the_rest_when_it_is_gone(
    tmp_path: Path,
) -> None:
    """A shell passes no signal on: what it ran must be told all the same, and may take its time."""
    note, port = tmp_path / "note", free_port()
    line = " ".join((*ENGINE, str(port), f"note={note}", "slow=0.5"))
    async with living("sh", "-c", f"{line}; true") as child:
        assert await eventually(lambda: takes_connections(port))
        child.stop(8)
        assert await child.ended() == -15
        await asyncio.wait_for(child.cleared(), 5)
    assert note.read_text().split() == ["start", "SIGTERM", "obeyed"]


async def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    note, port = tmp_path / "note", free_port()
    async with living(*ENGINE, str(port), f"note={note}") as child:
        assert await eventually(lambda: takes_connections(port))
        child.signal(signal.SIGHUP)
        assert await eventually(lambda: "SIGHUP" in note.read_text())
        child.signal(signal.SIGUSR1)
        assert await eventually(lambda: "SIGUSR1" in note.read_text())


async def test_a_guard_that_was_killed_takes_the_engine_with_it(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "pid"
    async with living(*ENGINE, str(port), f"child={file}") as child:
        left = await written(file)
        os.kill(parent_of(child.pid), signal.SIGKILL)
        assert await asyncio.wait_for(child.ended(), 5) == -9
        await asyncio.wait_for(child.cleared(), 5)
        assert await eventually(lambda: not is_alive(child.pid) and not is_alive(left))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_guard_is_deaf_to_signals(number: int) -> None:
    port = free_port()
    async with living(*ENGINE, str(port)) as child:
        assert await eventually(lambda: takes_connections(port))
        os.kill(parent_of(child.pid), number)
        await asyncio.sleep(0.2)
        assert is_alive(child.pid)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_settings_of_the_sidecar_are_not_the_engine_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's password is one; and an engine that is a sidecar would start itself for ever."""
    monkeypatch.setenv("SIDECAR_STORE", "redis://:s3cret@host")
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "x.py")
    found = tmp_path / "found"
    async with living("sh", "-c", "env >$0", str(found)) as child:
        assert await asyncio.wait_for(child.ended(), 5) == 0
    assert "SIDECAR_" not in found.read_text()
    assert "SAGEMAKER_PROGRAM=x.py" in found.read_text()
