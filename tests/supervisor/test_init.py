"""As process 1, which an image's entry point is: in a PID namespace of its own, by unshare(1)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness.process import SidecarProcess
from tests.supervisor.supervised import ENGINE, Supervised, children_of, is_alive, soon

# The propagation of `/` cannot be changed where it is no mount point, as in a chroot; /proc alone
# becomes private then.
PROC = ("--mount-proc", "--propagation", "unchanged")
NAMESPACE = ("unshare", "--pid", "--fork", *PROC, "--kill-child")
IF_NOT_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
ENTER_IF_NOT_ROOT = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")


@asynccontextmanager
async def contained(*command: str, **variables: str) -> AsyncIterator[tuple[Supervised, int]]:
    """The sidecar, and its process 1 as it is called out here."""
    sidecar = Supervised(*command, prefix=(*NAMESPACE, *IF_NOT_ROOT), **variables)
    async with sidecar:
        (first,) = children_of(sidecar.pid)
        yield sidecar, first


async def test_orphans_of_others_are_collected() -> None:
    """Such as what `docker exec` leaves behind."""
    async with contained(*ENGINE) as (sidecar, first):
        await sidecar.event("log")
        before = children_of(first)
        assert len(before) == 1
        enter = ("nsenter", f"--target={first}", "--pid", *ENTER_IF_NOT_ROOT)
        left = await asyncio.create_subprocess_exec(*enter, "sh", "-c", "sleep 0.3 & sleep 0.3 &")
        assert await left.wait() == 0
        await soon(lambda: len(children_of(first)) == 3)
        await soon(lambda: children_of(first) == before)
        os.kill(first, signal.SIGTERM)
        assert await sidecar.wait() == 0


async def test_a_signal_comes_through_once(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with contained(*ENGINE, f"note={note}", "slow=1") as (sidecar, first):
        await sidecar.event("log")
        os.kill(first, signal.SIGUSR1)
        await soon(lambda: "SIGUSR1" in note.read_text())
        os.kill(first, signal.SIGTERM)
        assert await sidecar.wait() == 0
    assert note.read_text().split() == ["start", "SIGUSR1", "SIGTERM", "obeyed"]


@pytest.mark.parametrize(("words", "code"), [(("exit=9",), 9), (("kill=9",), 137)])
async def test_the_engine_s_end_is_the_container_s(words: tuple[str, ...], code: int) -> None:
    once = {"SIDECAR_ENGINE_RESTART": "off"}
    async with contained(*ENGINE, "for=0.3", *words, **once) as (sidecar, _):
        assert await sidecar.wait() == code


async def test_the_container_ends_with_the_sidecar() -> None:
    async with contained(*ENGINE) as (sidecar, first):
        await sidecar.event("log")
        (own,) = children_of(first)
        os.kill(own, signal.SIGKILL)
        assert await sidecar.wait() == 137
        await soon(lambda: not is_alive(first))


async def test_without_an_engine_of_its_own_it_is_process_1_itself() -> None:
    prefix = (*NAMESPACE, *IF_NOT_ROOT)
    async with SidecarProcess("http://127.0.0.1:9", prefix=prefix) as sidecar:
        (first,) = children_of(sidecar.pid)
        assert not children_of(first)
        os.kill(first, signal.SIGTERM)
        assert await sidecar.wait() == 0
