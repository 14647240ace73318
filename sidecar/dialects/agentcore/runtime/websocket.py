"""A WebSocket of a runtime session: where it goes, and that the session lives while it is open."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sidecar.dialects.agentcore.runtime.address import SESSION
from sidecar.dialects.agentcore.runtime.limits import is_header_text
from sidecar.dialects.agentcore.runtime.lines import Outward, session_of
from sidecar.dialects.agentcore.runtime.record import Interrupted
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.errors import SessionNotFound, SidecarError
from sidecar.head import Head
from sidecar.sessions.session import Session

# Meant for the service: the rest of a query goes on to the agent.
_SERVICE_ONLY: Final = frozenset(("qualifier", "accountid"))


def asked_session(head: Head) -> str:
    """Empty: none. A presigned address has it in its query."""
    return session_of(head.lines) or dict(_query(head)).get(SESSION, "")


def onward(head: Head, outward: Outward) -> tuple[str, list[bytes] | None]:
    """Target and header lines towards the agent; no lines: its session cannot be in one."""
    kept = [
        (name, value)
        for name, value in _query(head)
        if name not in _SERVICE_ONLY and not name.startswith(("x-amz-", "x-amzn-"))
    ]
    target = f"/ws?{urlencode(kept)}" if kept else "/ws"
    session_id = asked_session(head) or str(uuid.uuid4())
    if not is_header_text(session_id):
        return target, None
    return target, outward.for_websocket(head.lines, session_id)


class WebSockets:
    def __init__(self, sessions: RuntimeSessions) -> None:
        self._sessions = sessions

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[Session]:
        """Raises Interrupted, into what goes on inside, when the session is stopped or too old."""
        session = await self._sessions.ensure(key)
        try:
            async with asyncio.timeout(None) as end:
                watch = asyncio.create_task(self._watch(session, end))
                try:
                    yield session
                finally:
                    watch.cancel()
        except TimeoutError:
            if not end.expired():
                raise
            raise Interrupted("the session of this WebSocket has ended") from None

    async def _watch(self, session: Session, end: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(self._sessions.beat)
            try:
                await self._sessions.still(session)
            except SessionNotFound:
                end.reschedule(0)
                return
            except SidecarError:
                continue  # the store will be back


def _query(head: Head) -> list[tuple[str, str]]:
    """Names in lower case only where they are AWS's own."""
    found = parse_qsl(head.target.partition("?")[2], keep_blank_values=True)
    return [(_known(name), value) for name, value in found]


def _known(name: str) -> str:
    lower = name.lower()
    return lower if lower in _SERVICE_ONLY or lower.startswith(("x-amz-", "x-amzn-")) else name
