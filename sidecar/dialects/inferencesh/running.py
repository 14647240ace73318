"""How a task is run: its turn in the session, the engine's answer, the session's end."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.chat import Chat
from sidecar.dialects.inferencesh.errors import (
    QUEUE_FULL,
    CallFailed,
    NoSuchSession,
    SessionGone,
    WorkerGone,
    without_word,
)
from sidecar.dialects.inferencesh.files import Files
from sidecar.dialects.inferencesh.line import Line
from sidecar.dialects.inferencesh.live import Live
from sidecar.dialects.inferencesh.sessions import AppSessions
from sidecar.dialects.inferencesh.task import Status
from sidecar.dialects.inferencesh.tasks import Tasks
from sidecar.dialects.inferencesh.upstream import AS_JSON, asked, output_of, whole
from sidecar.dialects.inferencesh.words import read_words
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound, SidecarError, TooManyWaiting
from sidecar.sessions.session import Session

# Beside a timeout of one second, the shortest.
_BEAT: Final = 0.3


class Runner:
    """header: tells the engine the session; None: nothing does. end_on: what of an input ends its
    session behind a good answer. limit: of an answer, in bytes; within: seconds to its first."""

    def __init__(
        self,
        tasks: Tasks,
        sessions: AppSessions,
        replicas: Replicas,
        line: Line,
        files: Files,
        chat: Chat,
        *,
        header: str | None,
        end_on: Mapping[str, list[Any]],
        limit: int,
        within: float | None,
    ) -> None:
        self._tasks = tasks
        self._sessions = sessions
        self._replicas = replicas
        self._line = line
        self._files = files
        self._chat = chat
        self._header = header
        self._end_on = end_on
        self._limit = limit
        self._within = within

    async def run(self, live: Live, app: App, path: str) -> Any:
        """The task's output. Raises CallFailed."""
        session_id = live.task.session_id
        try:
            if session_id is None:
                return await self._ask(live, app, path, self._replicas.place(), None)
            return await self._run_in(live, app, path, session_id)
        except WorkerGone as gone:
            raise CallFailed(f"worker unreachable: {without_word(str(gone))}") from None
        except (NoSuchSession, SessionGone) as error:
            raise CallFailed(error.message) from None
        except TooManyWaiting:
            raise CallFailed(QUEUE_FULL) from None
        except SessionNotFound:
            assert session_id is not None
            gone_session = await self._sessions.gone(session_id, live.owner)
            raise CallFailed(gone_session.message) from None
        except SidecarError as error:
            raise CallFailed(without_word(error.message)) from None
        except RecursionError:
            raise CallFailed("the input is nested too deeply") from None

    async def _run_in(self, live: Live, app: App, path: str, session_id: str) -> Any:
        await self._tasks.enter(live, Status.QUEUED)
        turn = self._line.turn(session_id, live.task.id)
        async with turn, self._kept_awake(session_id, live.owner):
            session = await self._sessions.use(session_id, live.owner)
            await self._sessions.note_call(session, live.task.id)
            engine = self._sessions.engine(session)
            try:
                output = await self._ask(live, app, path, engine, session)
            except WorkerGone:
                await self._sessions.lose_worker(engine)
                raise CallFailed(
                    f"worker lost for session {session_id}: session not found on any worker"
                ) from None
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
        lines = [*AS_JSON, *live.cause]
        if session is not None and self._header is not None:
            lines.append(f"{self._header}: {session.id}\r\n".encode())
        body = json.dumps({} if given is None else given).encode()
        request = EngineRequest("POST", path, lines, body)
        async with asked(engine, request, within=self._within) as (reply, exchange):
            if not reply.is_event_stream:
                return output_of(reply, await whole(exchange, self._limit))
            text, raw = await read_words(live, exchange, self._limit)
            return {"response": text} if text else output_of(reply, raw)

    @asynccontextmanager
    async def _kept_awake(self, session_id: str, owner: str) -> AsyncIterator[None]:
        """Idle time does not run during a call, and begins anew behind it."""
        beat = asyncio.create_task(self._touch(session_id, owner))
        try:
            yield
        finally:
            beat.cancel()
            await self._sessions.touch(session_id, owner)

    async def _touch(self, session_id: str, owner: str) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            await self._sessions.touch(session_id, owner)

    def _ends(self, given: Any) -> bool:
        if not isinstance(given, dict) or not self._end_on:
            return False
        return any(given.get(name) in values for name, values in self._end_on.items())
