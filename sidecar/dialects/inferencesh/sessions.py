"""Sessions of an app: kept warm on one replica while they are used, and remembered when over.

sess-<random>    the session; it ends when it has been idle for its timeout
was-<same>       what it was: outlives it by an hour, so that a late call is told what happened
"""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from sidecar.dialects.inferencesh.apps import Ref
from sidecar.dialects.inferencesh.errors import NoSuchSession, OtherApp, SessionGone
from sidecar.dialects.inferencesh.task import iso
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import REPLICA
from sidecar.engine.replicas import Replicas
from sidecar.errors import SessionNotFound, SidecarError, StoreUnavailable
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# No end by age is documented; the store wants one.
LIFETIME: Final = 365 * 86_400.0
_REMEMBERED: Final = 3600.0
_PREFIX: Final = "sess-"
_WAS: Final = "was-"
_AFTER_ALL: Final = "sess-z"
_PAGE: Final = 200
_WORKER_LOST: Final = "was ended: its worker was lost"


class AppSessions:
    def __init__(self, store: Store, replicas: Replicas) -> None:
        self._store = store
        self._replicas = replicas

    async def open(self, ref: Ref, idle: int, owner: str) -> Session:
        engine = self._replicas.place(for_session=True)
        state = {
            "app": ref.name,
            "version": ref.version,
            "timeout": idle,
            "calls": 0,
            REPLICA: str(engine.address),
        }
        session_id = f"{_PREFIX}{uuid.uuid4().hex}"
        await self._store.open(
            LIFETIME,
            idle=idle + _REMEMBERED,
            owner=owner,
            state={"timeout": idle, "why": None},
            session_id=was(session_id),
        )
        return await self._store.open(
            LIFETIME, idle=idle, owner=owner, state=state, session_id=session_id
        )

    async def use(self, session_id: str, owner: str) -> Session:
        """The live session, its idle time begun anew. Raises NoSuchSession or SessionGone."""
        return await self._get(session_id, owner, touch=True)

    async def look(self, session_id: str, owner: str) -> Session:
        """The same, and its idle time goes on."""
        return await self._get(session_id, owner, touch=False)

    async def touch(self, session_id: str, owner: str) -> None:
        """While it is being called: whatever is thought of its worker, that one is at work."""
        for each in (session_id, was(session_id)):
            with suppress(SidecarError):
                await self._store.get(each, owner, touch=True)

    async def gone(self, session_id: str, owner: str) -> NoSuchSession | SessionGone:
        """Why there is none, or none any more, for this caller."""
        try:
            told = await self._store.get(was(session_id), owner)
        except SessionNotFound:
            return NoSuchSession(session_id)
        why = told.state.get("why")
        if why is not None:
            return SessionGone(session_id, why)
        timeout = told.state["timeout"]
        return SessionGone(session_id, f"expired after {timeout}s without a call", expired=True)

    def check_app(self, session: Session, ref: Ref) -> None:
        bound = Ref(session.state["app"], session.state["version"], None)
        if bound.name != ref.name:
            raise OtherApp(session.id, bound.shown, ref.shown, version=False)
        if bound.version != ref.version:
            raise OtherApp(session.id, bound.shown, ref.shown, version=True)

    def engine(self, session: Session) -> Engine:
        return self._replicas.of(session)

    async def note_call(self, session: Session, task_id: str) -> None:
        """It is being called once more; by one call at a time."""
        with suppress(SidecarError):
            state = await self._store.state(session.id)
            news = {"calls": state["calls"] + 1, "last": time.time(), "task": task_id}
            await self._store.save(session.id, state | news)

    async def end(self, session: Session, why: str = "was ended") -> None:
        """Harmless where it has ended already."""
        with suppress(SessionNotFound):
            await self._store.save(was(session.id), {"why": why})
        with suppress(SessionNotFound):
            await self._store.close(session.id)

    async def lose(self, session: Session) -> None:
        await self.end(session, _WORKER_LOST)

    async def lose_worker(self, engine: Engine) -> None:
        """What it kept is gone, of all sessions that it had."""
        address = str(engine.address)
        with suppress(StoreUnavailable):
            async for session in self._all():
                if session.state[REPLICA] == address:
                    await self.lose(session)

    async def of(self, owner: str) -> list[Session]:
        return [
            session
            async for session in self._all()
            if session.owner == owner and not self._replicas.is_lost(session)
        ]

    async def _get(self, session_id: str, owner: str, *, touch: bool) -> Session:
        if not session_id.startswith(_PREFIX):
            raise NoSuchSession(session_id)
        try:
            session = await self._store.get(session_id, owner, touch=touch)
        except SessionNotFound:
            raise await self.gone(session_id, owner) from None
        if self._replicas.is_lost(session):
            await self.lose(session)
            raise await self.gone(session_id, owner)
        if touch:
            with suppress(SidecarError):
                await self._store.get(was(session_id), owner, touch=True)
        return session

    async def _all(self) -> AsyncIterator[Session]:
        after = _PREFIX
        while page := await self._store.list_sessions(_PAGE, after):
            for session in page:
                if session.id > _AFTER_ALL:
                    return
                yield session
            after = page[-1].id


def shown(session: Session, worker: str) -> dict[str, Any]:
    state = session.state
    last = state.get("last")
    return {
        "id": session.id,
        "short_id": session.id[-8:],
        "created_at": iso(session.created),
        "updated_at": iso(last or session.created),
        "user_id": "",
        "team_id": "",
        "visibility": "private",
        "worker_id": worker,
        "app_id": state["app"],
        "app_version_id": state["version"],
        "status": "active",
        "expires_at": iso(session.expires),
        "task_id": state.get("task"),
        "call_count": state["calls"],
        "last_call_at": iso(last) if last else None,
        "idle_timeout": state["timeout"],
    }


def was(session_id: str) -> str:
    """Where what outlives it is kept."""
    return _WAS + session_id.removeprefix(_PREFIX)
