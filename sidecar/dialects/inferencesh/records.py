"""Tasks as the store has them, for whichever process is asked.

A task is a store session of its own. Its state has what is small, its data the rest; the process
that runs it holds its lease, so that a task whose process has died can be told.
"""

import json
from contextlib import suppress
from typing import Any, Final

from sidecar.dialects.inferencesh import parts
from sidecar.dialects.inferencesh.errors import NoSuchTask
from sidecar.dialects.inferencesh.kept import Kept
from sidecar.dialects.inferencesh.task import Status, Task
from sidecar.errors import BodyTooLarge, SessionNotFound, SidecarError, StoreFull
from sidecar.sessions.session import Session
from sidecar.sessions.store import Lease, Store

# How long a task can be asked for behind its end; while it runs it is touched.
KEPT: Final = 900.0
# Of a task that somebody keeps alive: none runs that long.
_LIFETIME: Final = 30 * 86_400.0
# A container's /dev/shm has 64 MiB (Docker, Kubernetes), and sessions are to have room too.
_MOST: Final = 1000
_BYTES: Final = 32 * 1024 * 1024
_PREFIX: Final = "task-"
_CANCEL: Final = "cancel"
_SMALL: Final = ("id", "app", "version", "function", "session_id", "session_timeout", "created")
_LOST: Final = "worker unreachable: the server was restarted while the task ran"


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept = Kept(store, seconds=KEPT, most=_MOST, size=_BYTES)

    async def open(self, task: Task, owner: str) -> Lease | None:
        """Raises SidecarError, and then nothing is left of it."""
        await self._store.open(
            _LIFETIME, idle=KEPT, owner=owner, state=_state(task), session_id=task.id
        )
        try:
            await self._put(task.id, "input", task.input)
            return await self._store.try_lease(task.id)
        except SidecarError:
            with suppress(SidecarError):
                await self._store.close(task.id)
            raise

    async def get(self, task_id: str, owner: str) -> Task:
        """Raises NoSuchTask."""
        return await self.read(await self.look(task_id, owner))

    async def look(self, task_id: str, owner: str) -> Session:
        """Its state alone. Raises NoSuchTask."""
        if not task_id.startswith(_PREFIX):
            raise NoSuchTask(task_id)
        try:
            session = await self._store.get(task_id, owner)
            if not _is_over(session.state):
                session.state = await self._checked(session)
        except SessionNotFound:
            raise NoSuchTask(task_id) from None
        return session

    async def is_over(self, task_id: str) -> bool:
        """Or was never there."""
        try:
            session = await self._store.get(task_id)
            return _is_over(session.state) or _is_over(await self._checked(session))
        except SessionNotFound:
            return True

    async def read(self, session: Session) -> Task:
        """The whole of it. Raises NoSuchTask."""
        state = session.state
        task = Task(**{name: state[name] for name in _SMALL}, input=None)
        task.status, task.error = Status(state["status"]), state["error"]
        task.updated = state["updated"]
        try:
            task.input = await self._get(task.id, "input")
            if task.is_over:
                task.output = await self._get(task.id, "output")
        except SessionNotFound:
            raise NoSuchTask(task.id) from None
        return task

    async def save(self, task: Task) -> None:
        await self._store.save(task.id, _state(task))

    async def finish(self, task: Task) -> None:
        """Raises SidecarError where not even its end can be noted."""
        size = 0
        try:
            size = await self._put(task.id, "output", task.output)
        except (StoreFull, BodyTooLarge):
            task.status, task.output = Status.FAILED, None
            task.error = "there is no room here to keep the output"
        await self.save(task)
        await self.touch(task.id)
        await self._kept.add(task.id, size + len(json.dumps(task.input)))

    async def touch(self, task_id: str) -> None:
        await self._store.get(task_id, touch=True)

    async def ask_cancel(self, task_id: str) -> None:
        """Of the process that runs it."""
        await self._store.put_data(task_id, _CANCEL, b"true")

    async def is_cancel_asked(self, task_id: str) -> bool:
        return await self._store.get_data(task_id, _CANCEL) is not None

    async def _checked(self, session: Session) -> dict[str, Any]:
        """Its state; a task whose process has died is over."""
        lease = await self._store.try_lease(session.id)
        if lease is None:
            return session.state
        try:
            state = await self._store.state(session.id)
            if not _is_over(state):
                state |= {"status": int(Status.FAILED), "error": _LOST}
                await self._store.save(session.id, state)
            return state
        finally:
            await lease.release()

    async def _put(self, task_id: str, name: str, value: Any) -> int:
        """How many bytes it has; older tasks make room for it."""
        text = json.dumps(value).encode()
        while True:
            try:
                await parts.put(self._store, task_id, name, text)
                return len(text)
            except StoreFull:
                if not await self._kept.drop():
                    raise

    async def _get(self, task_id: str, name: str) -> Any:
        text = await parts.get(self._store, task_id, name)
        return None if text is None else json.loads(text)


def _state(task: Task) -> dict[str, Any]:
    small = {name: getattr(task, name) for name in _SMALL}
    return {**small, "updated": task.updated, "status": int(task.status), "error": task.error}


def _is_over(state: dict[str, Any]) -> bool:
    return bool(state["status"] >= Status.COMPLETED)
