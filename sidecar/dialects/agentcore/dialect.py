"""The AgentCore dialect: which paths are its own, and what happens there."""

from enum import Enum, auto
from functools import partial
from typing import Final

from sidecar.dialects.agentcore.answers import MEMORY, RUNTIME, refuse
from sidecar.dialects.agentcore.memory.api import BODY_LIMIT as MEMORY_LIMIT
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.runtime.address import door, session_key
from sidecar.dialects.agentcore.runtime.limits import check_session
from sidecar.dialects.agentcore.runtime.lines import Outward, session_of
from sidecar.dialects.agentcore.runtime.runtime import BODY_LIMIT as RUNTIME_LIMIT
from sidecar.dialects.agentcore.runtime.runtime import Runtime
from sidecar.dialects.agentcore.runtime.websocket import WebSockets, asked_session, onward
from sidecar.dialects.intent import Answer, Dialect, Intent, Route, Serve, Voice, Within
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
        self,
        memory: MemoryApi,
        runtime: Runtime,
        websockets: WebSockets,
        outward: Outward,
        *,
        strict: bool,
        shares: bool,
    ) -> None:
        self._memory = Serve(memory.handle, MEMORY_LIMIT)
        self._runtime = Serve(runtime.handle, RUNTIME_LIMIT)
        self._websockets = websockets
        self._outward = outward
        self._strict = strict
        self._shares = shares

    def route(self, head: Head) -> Route | None:
        if head.path == "/memories" or head.path.startswith("/memories/"):
            return Route(self, Door.MEMORY, _MEMORY, head.target)
        where = door(head.path)
        if where is None:
            return None
        is_websocket = where.operation == "ws" and head.method == "GET"
        if not where.runtime and self._shares:
            asked = asked_session(head) if is_websocket else session_of(head.lines)
            if not asked:
                return None
        if is_websocket:
            return Route(self, Door.WEBSOCKET, _RUNTIME, *onward(head, self._outward))
        return Route(self, Door.RUNTIME, _RUNTIME, head.target)

    def decide(self, head: Head, route: Route) -> Intent:
        if route.door is Door.WEBSOCKET:
            return self._websocket(head, route)
        return self._memory if route.door is Door.MEMORY else self._runtime

    def _websocket(self, head: Head, route: Route) -> Within:
        where = door(head.path)
        assert where is not None
        session_id = asked_session(head) if route.lines is None else session_of(route.lines)
        check_session(session_id, strict=self._strict and bool(where.runtime))
        key = session_key(where, head.target.partition("?")[2], session_id)
        return Within(partial(self._websockets.hold, key))
