"""The engine as a part of the sidecar: output, signals, sessions, workers, and no orphan ever."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.harness.process import SidecarProcess
from tests.life.asking import takes_connections
from tests.supervisor.supervised import (
    ENGINE,
    Supervised,
    children_of,
    is_alive,
    parent_of,
    soon,
    supervised,
    written,
)

SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"


async def test_output_passes_untouched(tmp_path: Path) -> None:
    """Bytes that are no text, half a line, both streams: nobody reads it on its way."""
    out, errors = tmp_path / "out", tmp_path / "errors"
    write = r"printf 'a\377\0b\r\n\033[1m half'; printf 'c\376' >&2"
    arguments = ("run", "--", "sh", "-c", write)
    silent = {"SIDECAR_LOG_LEVEL": "error", "SIDECAR_ENGINE_RESTART": "off"}
    environment = {
        "SIDECAR_PORT": "0",
        "SIDECAR_ADMIN_PORT": "off",
        "SIDECAR_LAME_DUCK_SECONDS": "0",
        "SIDECAR_SESSIONS_PATH": str(tmp_path / "sessions"),
    }
    with out.open("wb") as first, errors.open("wb") as second:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", *arguments),
            env=os.environ | environment | silent,
            stdout=first,
            stderr=second,
        )
        assert await asyncio.wait_for(process.wait(), 20) == 0
    assert b"a\xff\0b\r\n\x1b[1m half" in out.read_bytes()
    assert errors.read_bytes() == b"c\xfe"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
async def test_other_signals_are_the_engine_s(tmp_path: Path, number: signal.Signals) -> None:
    note = tmp_path / "note"
    async with supervised(*ENGINE, f"note={note}") as sidecar:
        await sidecar.event("log")
        sidecar.process.send_signal(number)
        await soon(lambda: number.name in note.read_text())
        assert await sidecar.stop() == 0
    assert note.read_text().split() == ["start", number.name, "SIGTERM", "obeyed"]


async def test_ctrl_c_in_a_terminal_reaches_the_engine_once_and_late(tmp_path: Path) -> None:
    """A terminal sends it to its whole group: the engine is not in it."""
    note = tmp_path / "note"
    async with supervised(*ENGINE, f"note={note}", SIDECAR_LAME_DUCK_SECONDS="0.5") as sidecar:
        await sidecar.event("log")
        os.killpg(os.getpgid(sidecar.pid), signal.SIGINT)
        await sidecar.event("draining")
        assert note.read_text().split() == ["start"]
        assert await sidecar.wait() == 0
    assert note.read_text().split() == ["start", "SIGTERM", "obeyed"]


async def test_clients_are_served_to_the_end_before_the_engine_is_told(tmp_path: Path) -> None:
    async with supervised(*ENGINE, SIDECAR_LAME_DUCK_SECONDS="1") as sidecar:
        await sidecar.event("log")
        sidecar.process.terminate()
        await sidecar.event("draining")
        async with aiohttp.ClientSession() as client:
            for _ in range(5):
                async with client.post(f"{sidecar.url}/x", data=b"x") as answer:
                    assert (answer.status, await answer.read()) == (200, b"ok")
        assert await sidecar.wait() == 0


@pytest.mark.parametrize("kind", ["child", "daemon"])
async def test_a_killed_sidecar_takes_everything_with_it(tmp_path: Path, kind: str) -> None:
    """kill -9, and what the engine has left in a group or a session of its own is deaf too."""
    file, words = tmp_path / "pid", {"SIDECAR_ENGINE_STOP_SECONDS": "0.5"}
    async with supervised(*ENGINE, f"{kind}={file}", **words) as sidecar:
        pid, left = await sidecar.engine_pid(), await written(file)
        sidecar.process.kill()
        await sidecar.process.wait()
        await soon(lambda: not is_alive(pid) and not is_alive(left))
        assert not takes_connections(sidecar.engine_port)


async def test_a_killed_engine_leaves_nothing_that_keeps_its_port(tmp_path: Path) -> None:
    file, words = tmp_path / "pid", {"SIDECAR_ENGINE_STOP_SECONDS": "0.3"}
    async with supervised(*ENGINE, f"daemon={file}", **words) as sidecar:
        left = await written(file)
        os.kill(await sidecar.engine_pid(), signal.SIGKILL)
        await soon(lambda: len(sidecar.lines("engine_started")) == 2)
        assert not is_alive(left)
        assert await sidecar.stop() == 0


async def test_a_killed_guard_is_an_engine_that_was_killed() -> None:
    async with supervised(*ENGINE) as sidecar:
        pid = await sidecar.engine_pid()
        os.kill(parent_of(pid), signal.SIGKILL)
        await soon(lambda: len(sidecar.lines("engine_started")) == 2)
        assert not is_alive(pid)
        assert await sidecar.stop() == 0


async def test_an_engine_does_not_outlive_the_sidecar_and_the_guard() -> None:
    """Both killed, and neither could do anything about it."""
    async with supervised(*ENGINE) as sidecar:
        pid = await sidecar.engine_pid()
        guard = parent_of(pid)
        os.kill(guard, signal.SIGSTOP)
        sidecar.process.kill()
        await soon(lambda: not is_alive(sidecar.pid))
        os.kill(guard, signal.SIGKILL)
        await soon(lambda: not is_alive(pid))


async def test_no_zombies_after_many_lives() -> None:
    async with supervised("sh", "-c", "sleep 0 & exit 0", PROCESS_MAX_START_RETRIES="2") as sidecar:
        await soon(lambda: len(sidecar.lines("engine_started")) == 3)
        assert len(children_of(sidecar.pid)) <= 1
        assert await sidecar.wait() == 0


async def open_session(sidecar: SidecarProcess) -> str:
    control = {"requestType": "NEW_SESSION"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{sidecar.url}/invocations", json=control) as answer,
    ):
        return answer.headers[NEW_SESSION].partition(";")[0]


async def use(sidecar: SidecarProcess, session: str) -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{sidecar.url}/x", data=b"x", headers={SESSION: session}) as answer,
    ):
        return answer.status


@pytest.mark.parametrize(("choice", "status"), [("keep", 200), ("end", 400)])
async def test_sessions_when_the_engine_starts_again(choice: str, status: int) -> None:
    words = {"SIDECAR_ENGINE_RESTART_SESSIONS": choice}
    async with supervised(*ENGINE, **words) as sidecar:
        await sidecar.event("log")
        session = await open_session(sidecar)
        assert await use(sidecar, session) == 200
        os.kill(await sidecar.engine_pid(), signal.SIGKILL)
        await soon(lambda: len(sidecar.lines("engine_started")) == 2)
        await soon(lambda: takes_connections(sidecar.engine_port))
        assert await use(sidecar, session) == status
        assert await use(sidecar, await open_session(sidecar)) == 200
        assert await sidecar.stop() == 0
        # The directory outlives both; so does what an engine that is started anew cannot know.
        await sidecar.start()
        await soon(lambda: takes_connections(sidecar.engine_port))
        assert await use(sidecar, session) == status
        assert await sidecar.stop() == 0


async def metric(sidecar: SidecarProcess, name: str) -> float:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{sidecar.admin_url}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_one_engine_whatever_the_workers(workers: str, tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with Supervised(*ENGINE, f"note={note}", SIDECAR_WORKERS=workers) as sidecar:
        pid = await sidecar.engine_pid()
        await soon(lambda: takes_connections(sidecar.engine_port))
        assert note.read_text().split() == ["start"]
        os.kill(pid, signal.SIGKILL)
        await soon(lambda: len(sidecar.lines("engine_started")) == 2)
        assert await metric(sidecar, "sidecar_engine_restarts_total") == 1
        await soon(lambda: takes_connections(sidecar.engine_port))
        session = await open_session(sidecar)
        assert [await use(sidecar, session) for _ in range(6)] == [200] * 6
        assert await sidecar.stop() == 0
    assert note.read_text().split() == ["start", "start", "SIGTERM", "obeyed"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_the_last_end_is_the_sidecar_s(workers: str) -> None:
    words = {"SIDECAR_WORKERS": workers, "SIDECAR_ENGINE_RESTART": "off"}
    async with Supervised(*ENGINE, "for=0.5", "exit=7", prefix=(), **words) as sidecar:
        assert await sidecar.wait() == 7


async def test_the_command_may_be_a_setting(tmp_path: Path) -> None:
    """SageMaker says `serve` and nothing else."""
    command = " ".join((*ENGINE, "for=0.2", "exit=6"))
    words = {"SIDECAR_ENGINE_COMMAND": command, "SIDECAR_ENGINE_RESTART": "off"}
    async with SidecarProcess(
        "http://127.0.0.1:9", prefix=(), arguments=("serve",), **words
    ) as sidecar:
        assert await sidecar.wait() == 6


async def test_sessions_are_closed_while_the_engine_is_there_to_be_told(tmp_path: Path) -> None:
    preset, note = tmp_path / "own.json", tmp_path / "note"
    close = {"path": "/close", "on_shutdown": True}
    preset.write_text(json.dumps({"id": {"generate": "uuid4"}, "close": close}))
    variables = {"SIDECAR_ENGINE_PRESET": str(preset)}
    async with supervised(*ENGINE, f"note={note}", **variables) as sidecar:
        await soon(lambda: takes_connections(sidecar.engine_port))
        async with aiohttp.ClientSession() as client:
            new = {"requestType": "NEW_SESSION"}
            async with client.post(f"{sidecar.url}/invocations", json=new) as answer:
                assert answer.status == 200
        sidecar.process.terminate()
        await sidecar.ended()
    assert note.read_text().split() == ["start", "closed", "SIGTERM", "obeyed"]
