"""Tasks, wherever they run: in this process, or in another one that shares the store."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sidecar.dialects.inferencesh.errors import CallFailed
from sidecar.dialects.inferencesh.live import Live
from sidecar.dialects.inferencesh.records import KEPT, Records
from sidecar.dialects.inferencesh.task import Status, Task
from sidecar.errors import SidecarError
from sidecar.sessions.store import Lease, Store

logger = logging.getLogger("sidecar.inferencesh")

_BEAT: Final = 0.5
_LOOK: Final = 0.2
_STOPPED: Final = "worker unreachable: the server was stopped before the task was done"

Work = Callable[[Live], Awaitable[Any]]
"""Runs a task and returns its output. Raises CallFailed."""


class Tasks:
    """All mutable state: the tasks that run here."""

    def __init__(self, store: Store) -> None:
        self._records = Records(store)
        self._live: dict[str, Live] = {}

    @property
    def running(self) -> int:
        return sum(1 for live in self._live.values() if not live.task.is_over)

    async def accept(
        self, task: Task, owner: str, work: Work, join: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Begin it in the background; once this returns any process can be asked for it.

        join: comes between, so that tasks are in line in the order in which they were accepted.
        """
        lease = await self._records.open(task, owner)
        if join is not None:
            await join()
        live = self._live[task.id] = Live(task, owner)
        live.runner = asyncio.create_task(self._run(live, lease, work))
        await asyncio.sleep(0)  # it begins: what is cancelled before would never end

    async def stop(self) -> None:
        """The process ends; what still runs has failed."""
        runners = [live.runner for live in self._live.values() if live.runner is not None]
        for live in self._live.values():
            live.stop()
        await asyncio.gather(*runners, return_exceptions=True)

    async def waits(self, task_id: str) -> bool:
        """Or runs, in whatever process."""
        return task_id in self._live or not await self._records.is_over(task_id)

    def live(self, task_id: str, owner: str) -> Live | None:
        """If it runs here."""
        live = self._live.get(task_id)
        return live if live is not None and live.owner == owner else None

    async def find(self, task_id: str, owner: str) -> Task:
        """Raises NoSuchTask."""
        live = self.live(task_id, owner)
        return live.task if live is not None else await self._records.get(task_id, owner)

    async def changes(
        self, task_id: str, owner: str, *, every: float
    ) -> AsyncGenerator[Task, None]:
        """Of a task that runs elsewhere: each new state, and one every so many seconds."""
        status: int | None = None
        silent = 0.0
        while True:
            session = await self._records.look(task_id, owner)
            if session.state["status"] != status or silent >= every:
                status, silent = session.state["status"], 0.0
                task = await self._records.read(session)
                yield task
                if task.is_over:
                    return
            await asyncio.sleep(_LOOK)
            silent += _LOOK

    async def cancel(self, task_id: str, owner: str) -> Status:
        """What becomes of it. Raises NoSuchTask."""
        live = self.live(task_id, owner)
        if live is not None:
            live.cancel()
            return live.task.status
        session = await self._records.look(task_id, owner)
        status = Status(session.state["status"])
        if status >= Status.COMPLETED:
            return status
        await self._records.ask_cancel(task_id)
        return Status.CANCELLING

    async def enter(self, live: Live, status: Status) -> None:
        live.task.updated = time.time()
        live.tell(status)
        with suppress(SidecarError):
            await self._records.save(live.task)

    async def _run(self, live: Live, lease: Lease | None, work: Work) -> None:
        task, status = live.task, Status.FAILED
        beat = asyncio.create_task(self._beat(live))
        try:
            task.output = await work(live)
            status = Status.COMPLETED
        except asyncio.CancelledError:
            status = Status.FAILED if live.is_stopping else Status.CANCELLED
            task.error = _STOPPED if live.is_stopping else None
        except CallFailed as failure:
            task.error = str(failure)
        except Exception:
            logger.exception("a fault of the sidecar")
            task.error = "the server failed; its log says where"
        finally:
            beat.cancel()
            await self._finish(live, lease, status)

    async def _finish(self, live: Live, lease: Lease | None, status: Status) -> None:
        """What can not be kept in the store is told by this process alone."""
        live.is_ending = True
        task = replace(live.task, status=status, updated=time.time())
        try:
            await self._records.finish(task)
            del self._live[task.id]
        except SidecarError:
            asyncio.get_running_loop().call_later(KEPT, self._live.pop, task.id, None)
        live.end(task)
        if lease is not None:
            await lease.release()

    async def _beat(self, live: Live) -> None:
        """Keep it from running out, and hear of a wish to cancel it that another process got."""
        while True:
            await asyncio.sleep(_BEAT)
            with suppress(SidecarError):
                await self._records.touch(live.task.id)
                if await self._records.is_cancel_asked(live.task.id):
                    live.cancel()


def new_id() -> str:
    return f"task-{uuid.uuid4().hex}"
