"""Tasks, wherever they run: in this process, or in another one that shares the store.

A task is a store session of its own. Its state has what is small, its data the rest, in parts; the
process that runs it holds its lease, so a task whose process has died can be told.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from sidecar.dialects.inferencesh.errors import NoSuchTask
from sidecar.dialects.inferencesh.task import Status, Task
from sidecar.dialects.inferencesh.upstream import CallFailed
from sidecar.errors import SessionNotFound, SidecarError
from sidecar.sessions.store import VALUE_LIMIT, Lease, Store

logger = logging.getLogger("sidecar.inferencesh")

_KEPT: Final = 900.0
_LIFETIME: Final = 30 * 86_400.0
_BEAT: Final = 1.0
_LOOK: Final = 0.2
_SMALL: Final = ("id", "app", "version", "function", "session_id", "session_timeout", "created")
_CANCEL: Final = "cancel"

Work = Callable[["Live"], Awaitable[Any]]
"""Runs a task and returns its output. Raises CallFailed."""


class Live:
    """A task that runs here."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.deltas: list[str] = []  # of an answer that comes word by word
        self.runner: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def tell(self, status: Status | None = None) -> None:
        if status is not None:
            self.task.status = status
        self._news.set()

    async def news(self, within: float) -> bool:
        """Whether there are any, within so many seconds."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        return self._news.is_set()


class Tasks:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, Live] = {}

    async def accept(self, task: Task, owner: str, work: Work) -> None:
        """Begin it in the background; once this returns it can be asked for."""
        await self._store.open(
            _LIFETIME, idle=_KEPT, owner=owner, state=_state(task), session_id=task.id
        )
        await self._put(task.id, "input", task.input)
        live = self._live[task.id] = Live(task)
        live.runner = asyncio.create_task(self._run(live, work))

    async def find(self, task_id: str, owner: str) -> Task:
        live = self._live.get(task_id)
        await self._get(task_id, owner)
        if live is not None:
            return live.task
        await self._bury(task_id)
        return await self._read(task_id, await self._store.state(task_id))

    def live(self, task_id: str) -> Live | None:
        return self._live.get(task_id)

    async def changes(
        self, task_id: str, owner: str, *, every: float
    ) -> AsyncGenerator[Task, None]:
        """Of a task that runs elsewhere: each new state, and one every so many seconds."""
        status: int | None = None
        silent = 0.0
        while True:
            session = await self._get(task_id, owner)
            if session.state["status"] != status or silent >= every:
                status, silent = session.state["status"], 0.0
                task = await self._read(task_id, session.state)
                yield task
                if task.is_over:
                    return
            await asyncio.sleep(_LOOK)
            silent += _LOOK
            await self._bury(task_id)

    async def cancel(self, task_id: str, owner: str) -> None:
        session = await self._get(task_id, owner)
        live = self._live.get(task_id)
        if live is not None and live.runner is not None:
            if not live.task.is_over:
                live.tell(Status.CANCELLING)
                live.runner.cancel()
        elif Status(session.state["status"]) < Status.COMPLETED:
            await self._store.put_data(task_id, _CANCEL, b"true")

    async def _run(self, live: Live, work: Work) -> None:
        task = live.task
        lease = await self._lease(task.id)
        beat = asyncio.create_task(self._beat(live))
        status = Status.FAILED
        try:
            task.output = await work(live)
            status = Status.COMPLETED
        except asyncio.CancelledError:
            status = Status.CANCELLED
        except CallFailed as failure:
            task.error = str(failure)
        except Exception:
            logger.exception("a fault of the sidecar")
            task.error = "the sidecar failed; its log says where"
        finally:
            beat.cancel()
            await self._finish(live, lease, status)

    async def _finish(self, live: Live, lease: Lease | None, status: Status) -> None:
        """What can not be kept is told to whoever reads it in this process."""
        task, task.updated = live.task, time.time()
        with suppress(SidecarError):
            await self._put(task.id, "output", task.output)
            await self._store.save(task.id, {**_state(task), "status": int(status)})
        live.tell(status)
        if lease is not None:
            await lease.release()
        asyncio.get_running_loop().call_later(_KEPT, self._live.pop, task.id, None)

    async def enter(self, live: Live, status: Status) -> None:
        live.task.updated = time.time()
        live.tell(status)
        with suppress(SidecarError):
            await self._store.save(live.task.id, _state(live.task))

    async def _beat(self, live: Live) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            with suppress(SidecarError):
                await self._store.get(live.task.id, touch=True)
                asked = await self._store.get_data(live.task.id, _CANCEL)
                if asked is not None and live.runner is not None:
                    live.tell(Status.CANCELLING)
                    live.runner.cancel()

    async def _bury(self, task_id: str) -> None:
        """A task whose process has died is over."""
        lease = await self._lease(task_id)
        if lease is None:
            return
        state = await self._store.state(task_id)
        if Status(state["status"]) < Status.COMPLETED:
            lost = {"status": int(Status.FAILED), "error": "worker unreachable: it was restarted"}
            await self._store.save(task_id, state | lost)
        await lease.release()

    async def _lease(self, task_id: str) -> Lease | None:
        try:
            return await self._store.try_lease(task_id)
        except SidecarError:
            return None

    async def _get(self, task_id: str, owner: str) -> Any:
        if not task_id.startswith("task-"):
            raise NoSuchTask(f"task not found: {task_id[:200]}")
        try:
            return await self._store.get(task_id, owner, touch=True)
        except SessionNotFound:
            raise NoSuchTask(f"task not found: {task_id[:200]}") from None

    async def _read(self, task_id: str, state: dict[str, Any]) -> Task:
        small = {name: state[name] for name in _SMALL}
        task = Task(**small, input=await self._parts(task_id, "input"))
        task.status, task.error = Status(state["status"]), state["error"]
        task.updated = state["updated"]
        if task.is_over:
            task.output = await self._parts(task_id, "output")
        return task

    async def _put(self, task_id: str, name: str, value: Any) -> None:
        text = json.dumps(value).encode()
        for number, start in enumerate(range(0, len(text), VALUE_LIMIT)):
            part = text[start : start + VALUE_LIMIT]
            await self._store.put_data(task_id, f"{name}-{number:03d}", part)

    async def _parts(self, task_id: str, name: str) -> Any:
        pieces: list[bytes] = []
        while (
            part := await self._store.get_data(task_id, f"{name}-{len(pieces):03d}")
        ) is not None:
            pieces.append(part)
        return json.loads(b"".join(pieces)) if pieces else None


def new_id() -> str:
    return f"task-{uuid.uuid4().hex}"


def _state(task: Task) -> dict[str, Any]:
    small = {name: getattr(task, name) for name in _SMALL}
    return {**small, "updated": task.updated, "status": int(task.status), "error": task.error}
