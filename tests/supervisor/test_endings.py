"""Every way in which an engine ends: the exit code of `run`, its time, and what it says."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.watch import Watch
from tests.life.asking import ping
from tests.supervisor.supervised import ENGINE, is_alive, supervised


async def ready(sidecar: SidecarProcess) -> None:
    for _ in range(200):
        if (await ping(sidecar)).status == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never ready")


@dataclass(frozen=True)
class Ending:
    """A way to end without being asked to. within: seconds since the sidecar listens."""

    command: tuple[str, ...]
    code: int
    within: tuple[float, float]
    restarts: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    says: str = ""


ONCE = {"SIDECAR_ENGINE_RESTART": "off"}
TWICE = {"PROCESS_MAX_START_RETRIES": "2"}  # pauses of 0.5 and 1 s
ENDINGS = {
    "clean": Ending(("sh", "-c", "exit 0"), 0, (0, 2), variables=ONCE),
    "crash": Ending(("sh", "-c", "exit 3"), 3, (0, 2), variables=ONCE),
    "killed": Ending(("sh", "-c", "kill -SEGV $$"), 139, (0, 2), variables=ONCE),
    "after a while": Ending((*ENGINE, "for=0.7", "exit=9"), 9, (0.7, 3), variables=ONCE),
    "crash loop": Ending(("sh", "-c", "exit 4"), 4, (1.5, 4), 2, TWICE),
    "clean loop": Ending(("sh", "-c", "exit 0"), 0, (1.5, 4), 2, TWICE),
    "alias": Ending(("false",), 1, (0, 2), variables={"PROCESS_AUTO_RECOVERY": "false"}),
    "no such command": Ending(("no-such",), 127, (0, 2), says="no-such: No such file or directory"),
    "no program": Ending(("/etc/passwd",), 126, (0, 2), says="/etc/passwd: Permission denied"),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
async def test_an_end_that_was_not_asked_for(ending: Ending) -> None:
    async with supervised(*ending.command, **ending.variables) as sidecar:
        code, watch = await sidecar.ended()
        assert code == ending.code
        assert watch.between(*ending.within), watch
        assert len(sidecar.lines("engine_started")) == (0 if ending.says else 1 + ending.restarts)
        assert ending.says in sidecar.errors and sidecar.errors.count("\n") == bool(ending.says)


ASKED = {
    "obeys": ((), 0, (0, 2)),
    "takes its time": (("slow=2",), 0, (2, 4)),
    "takes long, and has all of the drain": (("slow=5.5",), 0, (5.5, 8)),
    "does not obey": (("deaf",), 137, (2.9, 5)),
}


@pytest.mark.parametrize(("words", "code", "within"), ASKED.values(), ids=ASKED.keys())
async def test_an_end_that_was_asked_for(
    words: tuple[str, ...], code: int, within: tuple[float, float]
) -> None:
    """The peer's supervisor gives up after 5 s, leaves the engine running and says 0."""
    drain = "3" if "deaf" in words else "25"
    async with supervised(*ENGINE, *words, SIDECAR_DRAIN_SECONDS=drain) as sidecar:
        pid = await sidecar.engine_pid()
        await sidecar.event("log")  # that the engine is ready
        sidecar.process.terminate()
        ended, watch = await sidecar.ended()
        assert (ended, is_alive(pid)) == (code, False)
        assert watch.between(*within), watch


async def test_an_engine_without_a_handler_ends_as_without_the_sidecar() -> None:
    async with supervised("sleep", "60") as sidecar:
        await sidecar.engine_pid()
        assert await sidecar.stop() == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_leaves_the_engine_its_part_and_no_more(number: int) -> None:
    async with supervised(*ENGINE, "deaf", SIDECAR_ENGINE_STOP_SECONDS="1") as sidecar:
        await sidecar.event("log")
        sidecar.process.send_signal(number)
        await sidecar.event("stopped")
        watch = Watch()
        sidecar.process.send_signal(number)
        assert await sidecar.wait() == 137
        assert watch.between(0.9, 3), watch


async def test_a_slow_start_is_not_ready_until_it_is() -> None:
    async with supervised(*ENGINE, "load=1.5") as sidecar:
        await sidecar.engine_pid()
        watch = Watch()
        assert (await ping(sidecar)).status == 503
        await ready(sidecar)
        assert watch.between(1.2, 5), watch
        assert await sidecar.stop() == 0


async def test_a_stop_during_a_slow_start() -> None:
    async with supervised(*ENGINE, "load=60", "slow=0.5") as sidecar:
        pid = await sidecar.engine_pid()
        sidecar.process.terminate()
        code, watch = await sidecar.ended()
        assert code in (0, 143)  # 143: it had no handler yet
        assert watch.worked() < 3, watch
        assert not is_alive(pid)


async def test_an_engine_that_is_started_again_is_ready_again() -> None:
    async with supervised(*ENGINE) as sidecar:
        await ready(sidecar)
        os.kill(await sidecar.engine_pid(), signal.SIGKILL)
        await sidecar.event("engine_ended")
        assert (await ping(sidecar)).status == 503
        await ready(sidecar)
        assert len(sidecar.lines("engine_started")) == 2
        (ended,) = sidecar.lines("engine_ended")
        assert (ended["exit_code"], ended["restart_in"]) == (137, 0.5)
        assert await sidecar.stop() == 0


async def test_an_engine_that_dies_while_clients_are_drained(tmp_path: Path) -> None:
    """It is not started again; and nobody waits for what is dead."""
    async with supervised(*ENGINE, SIDECAR_LAME_DUCK_SECONDS="1") as sidecar:
        pid = await sidecar.engine_pid()
        await sidecar.event("log")
        sidecar.process.terminate()
        await sidecar.event("draining")
        os.kill(pid, signal.SIGKILL)
        code, watch = await sidecar.ended()
        assert code == 137
        assert watch.worked() < 3, watch
        assert len(sidecar.lines("engine_started")) == 1


async def test_clients_that_do_not_end_leave_the_engine_its_part() -> None:
    """One budget for both: of 5 s the clients have 3, and the engine the rest."""
    times = {"SIDECAR_DRAIN_SECONDS": "5", "SIDECAR_ENGINE_STOP_SECONDS": "2"}
    async with supervised(*ENGINE, "mute", "slow=1.2", **times) as sidecar:
        await sidecar.event("log")
        _, writer = await asyncio.open_connection("127.0.0.1", sidecar.port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        await asyncio.sleep(0.3)
        sidecar.process.terminate()
        watch = Watch()
        stopped = await sidecar.event("stopped")
        assert stopped["aborted"] == 1
        assert watch.between(2.5, 4.5), watch
        assert await sidecar.wait() == 0
        assert watch.worked() < 6.5, watch
        writer.close()
