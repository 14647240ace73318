"""The AgentCore dialect: which paths are its own, and what happens there."""

import uuid
from enum import Enum, auto
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sidecar.dialects.agentcore.answers import MEMORY, RUNTIME, refuse
from sidecar.dialects.agentcore.memory.api import BODY_LIMIT as MEMORY_LIMIT
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.runtime.address import SESSION, door
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.runtime import BODY_LIMIT as RUNTIME_LIMIT
from sidecar.dialects.agentcore.runtime.runtime import Runtime
from sidecar.dialects.intent import Answer, Dialect, Intent, Pass, Route, Serve, Voice
from sidecar.errors import SidecarError
from sidecar.head import Head


class Door(Enum):
    MEMORY = auto()
    RUNTIME = auto()
    WEBSOCKET = auto()


def _refuse_memory(error: SidecarError) -> Answer:
    return refuse(error, MEMORY)


def _refuse_runtime(error: SidecarError) -> Answer:
    return refuse(error, RUNTIME)


_MEMORY: Final = Voice(refuse=_refuse_memory)
_RUNTIME: Final = Voice(refuse=_refuse_runtime)


class AgentCore(Dialect):
    """shares: another dialect has /invocations too; then only what names a runtime session is
    taken there."""

    voice = _RUNTIME

    def __init__(
        self, memory: MemoryApi, runtime: Runtime, outward: Outward, *, shares: bool
    ) -> None:
        self._memory = Serve(memory.handle, MEMORY_LIMIT)
        self._runtime = Serve(runtime.handle, RUNTIME_LIMIT)
        self._outward = outward
        self._shares = shares

    def route(self, head: Head) -> Route | None:
        if head.path == "/memories" or head.path.startswith("/memories/"):
            return Route(self, Door.MEMORY, _MEMORY, head.target)
        where = door(head.path)
        if where is None or (not where.runtime and self._shares and not _session_in(head)):
            return None
        if where.operation == "ws" and head.method == "GET":
            return self._websocket(head)
        return Route(self, Door.RUNTIME, _RUNTIME, head.target)

    def decide(self, head: Head, route: Route) -> Intent:
        if route.door is Door.WEBSOCKET:
            return Pass()
        return self._memory if route.door is Door.MEMORY else self._runtime

    def _websocket(self, head: Head) -> Route:
        """To the agent's own path; a presigned address has the session's id in its query."""
        query = dict(parse_qsl(head.target.partition("?")[2], keep_blank_values=True))
        names = {name.lower(): name for name in query}
        asked = query.pop(names[SESSION]) if SESSION in names else ""
        session_id = _session_in(head) or asked or str(uuid.uuid4())
        kept = {name: value for name, value in query.items() if not _is_signature(name)}
        target = f"/ws?{urlencode(kept)}" if kept else "/ws"
        lines = self._outward.for_websocket(head.lines, session_id)
        return Route(self, Door.WEBSOCKET, _RUNTIME, target, lines)


def _session_in(head: Head) -> str:
    for line in head.lines:
        name, _, value = line.partition(b":")
        if name.lower() == SESSION.encode():
            return value.strip().decode("latin-1")
    return ""


def _is_signature(name: str) -> bool:
    """Of a presigned address; and the qualifier, which is meant for the service."""
    return name.lower().startswith("x-amz-") or name == "qualifier"
