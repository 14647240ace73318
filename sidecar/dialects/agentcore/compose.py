"""The AgentCore dialect of one configuration."""

from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.dialects.agentcore.dialect import AgentCore
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.running import Runner
from sidecar.dialects.agentcore.runtime.runtime import Runtime
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.dialects.agentcore.runtime.turns import Turns
from sidecar.dialects.agentcore.runtime.websocket import WebSockets
from sidecar.engine.replicas import Replicas
from sidecar.sessions.store import Store


def make_sessions(settings: Settings, store: Store, replicas: Replicas) -> RuntimeSessions:
    idle, maximum = settings.agentcore_idle, settings.agentcore_lifetime
    return RuntimeSessions(store, replicas, idle=idle, maximum=maximum)


def make_agentcore(
    settings: Settings, store: Store, sessions: RuntimeSessions, talks: Store
) -> tuple[AgentCore, Turns]:
    """`talks` has the sessions whose conversations the sidecar keeps."""
    outward = Outward(
        memory_id=settings.agentcore_memory_id, authorization=settings.agentcore_authorization
    )
    runner = Runner(
        store,
        sessions,
        SystemClock(),
        waits=settings.session_queue,
        within=settings.engine_response_timeout,
    )
    turns, strict = Turns(runner), settings.agentcore_strict
    dialect = AgentCore(
        _memory(settings, store, talks),
        Runtime(turns, sessions, outward, strict=strict),
        WebSockets(sessions),
        outward,
        strict=strict,
        shares="sagemaker" in settings.dialects,
    )
    return dialect, turns


def _memory(settings: Settings, store: Store, talks: Store) -> MemoryApi:
    days, name = settings.agentcore_expiry_days, settings.agentcore_conversations
    declared = settings.agentcore_memories or {}
    if declared and name is not None:
        declared = {name: None, **declared}
    return MemoryApi(
        store,
        SystemClock(),
        declared={each: given or days for each, given in declared.items()},
        expiry_days=days,
        strict=settings.agentcore_strict,
        conversations=None if name is None else (name, talks),
    )
