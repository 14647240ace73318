"""How a task is run: its turn in the session, the engine's answer, the session's end."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.chat import Chat
from sidecar.dialects.inferencesh.errors import NoSuchSession, SessionGone
from sidecar.dialects.inferencesh.files import Files
from sidecar.dialects.inferencesh.sessions import AppSessions
from sidecar.dialects.inferencesh.task import Status
from sidecar.dialects.inferencesh.tasks import Live, Tasks
from sidecar.dialects.inferencesh.upstream import CallFailed, WorkerGone, asked, output_of, whole
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound, SidecarError
from sidecar.sessions.order import Order
from sidecar.sessions.session import Session

# Calls of one session that wait for their turn.
QUEUE: Final = 64
_BEAT: Final = 0.3


class Runner:
    """header: tells the engine the session; None: nothing does. end_on: what of an input ends its
    session behind a good answer."""

    def __init__(
        self,
        tasks: Tasks,
        sessions: AppSessions,
        replicas: Replicas,
        order: Order,
        files: Files,
        chat: Chat,
        *,
        header: str | None,
        end_on: Mapping[str, list[Any]],
        limit: int,
    ) -> None:
        self._tasks = tasks
        self._sessions = sessions
        self._replicas = replicas
        self._order = order
        self._files = files
        self._chat = chat
        self._header = header
        self._end_on = end_on
        self._limit = limit

    async def run(self, live: Live, app: App, path: str, owner: str) -> Any:
        """The task's output. Raises CallFailed."""
        session_id = live.task.session_id
        if session_id is None:
            engine = self._replicas.place()
            try:
                return await self._ask(live, app, path, engine, None)
            except WorkerGone as gone:
                raise CallFailed(f"worker unreachable: {gone}") from None
        await self._tasks.enter(live, Status.QUEUED)
        try:
            async with self._order.turn(session_id), self._kept_awake(session_id, owner):
                return await self._run_in(live, app, path, session_id, owner)
        except (NoSuchSession, SessionGone, SessionNotFound) as error:
            raise CallFailed(error.message) from None
        except SidecarError as error:
            raise CallFailed(error.message.replace("session", "state")) from None

    async def _run_in(self, live: Live, app: App, path: str, session_id: str, owner: str) -> Any:
        session = await self._sessions.get(session_id, owner)
        try:
            output = await self._ask(live, app, path, self._sessions.engine(session), session)
        except WorkerGone:
            await self._sessions.lose(session)
            raise CallFailed(
                f"worker lost for session {session_id}: session not found on any worker"
            ) from None
        await self._sessions.note_call(session_id, live.task.id)
        if self._ends(live.task.input):
            await self._sessions.end(session)
        return output

    async def _ask(
        self, live: Live, app: App, path: str, engine: Engine, session: Session | None
    ) -> Any:
        await self._tasks.enter(live, Status.RUNNING)
        given = await self._files.restored(live.task.input)
        if app.chat:
            return await self._chat.answer(live, app, path, engine, session, given)
        lines = [b"Content-Type: application/json\r\n"]
        if session is not None and self._header is not None:
            lines.append(f"{self._header}: {session.id}\r\n".encode())
        body = json.dumps({} if given is None else given).encode()
        async with asked(engine, EngineRequest("POST", path, lines, body)) as (reply, exchange):
            return output_of(reply, await whole(exchange, self._limit))

    @asynccontextmanager
    async def _kept_awake(self, session_id: str, owner: str) -> AsyncIterator[None]:
        """Idle time does not run during a call, and begins anew behind it."""
        beat = asyncio.create_task(self._touch(session_id, owner))
        try:
            yield
        finally:
            beat.cancel()

    async def _touch(self, session_id: str, owner: str) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await self._sessions.get(session_id, owner)
            except SidecarError:
                return

    def _ends(self, given: Any) -> bool:
        if not isinstance(given, dict) or not self._end_on:
            return False
        return any(given.get(name) in values for name, values in self._end_on.items())
