"""The AgentCore dialect: which paths are its own."""

from enum import Enum, auto

from sidecar.dialects.agentcore.answers import MEMORY, refuse
from sidecar.dialects.agentcore.memory.api import BODY_LIMIT, MemoryApi
from sidecar.dialects.intent import Answer, Dialect, Intent, Route, Serve, Voice
from sidecar.errors import SidecarError
from sidecar.head import Head


class Door(Enum):
    MEMORY = auto()


def _refuse_memory(error: SidecarError) -> Answer:
    return refuse(error, MEMORY)


_MEMORY = Voice(refuse=_refuse_memory)


class AgentCore(Dialect):
    voice = _MEMORY

    def __init__(self, memory: MemoryApi) -> None:
        self._memory = Serve(memory.handle, BODY_LIMIT)

    def route(self, head: Head) -> Route | None:
        if head.path == "/memories" or head.path.startswith("/memories/"):
            return Route(self, Door.MEMORY, _MEMORY, head.target)
        return None

    def decide(self, head: Head, route: Route) -> Intent:
        return self._memory
