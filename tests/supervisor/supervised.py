"""`run -- ENGINE` for a test: the sidecar, the engine it has started, and what is left of both."""

import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness.engines import free_port
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.harness.watch import Watch

ENGINE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("engine.py")), "{port}")


class Supervised(SidecarProcess):
    """Its engine has the port `engine_port`, and listens there if it is ENGINE."""

    def __init__(
        self, *command: str, prefix: tuple[str, ...] = (), **variables: str | None
    ) -> None:
        self.engine_port = free_port()
        url = f"http://127.0.0.1:{self.engine_port}"
        super().__init__(url, prefix=prefix, arguments=("run", "--", *command), **variables)

    async def ended(self) -> tuple[int, Watch]:
        """The exit code, and how long it took."""
        watch = Watch()
        return await self.wait(), watch

    async def engine_pid(self) -> int:
        return int((await self.event("engine_started"))["pid"])

    def lines(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.log if line["event"] == event]


@asynccontextmanager
async def supervised(*command: str, **variables: str | None) -> AsyncIterator[Supervised]:
    async with Supervised(*command, prefix=(), **variables) as sidecar:
        yield sidecar


async def soon(condition: Callable[[], bool], limit: float = 10.0) -> None:
    assert await eventually(condition, limit)


def is_alive(pid: int) -> bool:
    return (state := _stat(pid)) is not None and state[0] != "Z"


def parent_of(pid: int) -> int:
    stat = _stat(pid)
    assert stat is not None
    return int(stat[1])


def children_of(pid: int) -> set[int]:
    return {int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_child(path, pid)}


def _is_child(path: Path, pid: int) -> bool:
    stat = _stat(int(path.name))
    return stat is not None and stat[1] == str(pid)


def _stat(pid: int) -> list[str] | None:
    """State, parent and the rest of proc(5)'s stat; None once it is gone."""
    try:
        return re.split(r"\s+", Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2])
    except OSError:
        return None


async def written(path: Path) -> int:
    """The number that somebody writes there."""
    await soon(lambda: path.exists() and bool(path.read_text()))
    return int(path.read_text())
