"""An agent that says it is busy is not idle, also while no turn of its sessions runs."""

import asyncio
import json
from typing import Final

from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.engine.call import call
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import SidecarError

# The shortest idle time that AWS allows is 60 s.
_INTERVAL: Final = 15.0
_WITHIN: Final = 5.0
_LIMIT: Final = 65536


async def keep_busy(sessions: RuntimeSessions, replicas: Replicas) -> None:
    """For ever: what the SDK calls HealthyBusy is said of the whole process, so of each session."""
    while True:
        await asyncio.sleep(_INTERVAL)
        if not sessions.count():
            continue
        for engine in replicas.engines:
            if await _is_busy(engine):
                await sessions.touch_all(engine)


async def _is_busy(engine: Engine) -> bool:
    try:
        ping = EngineRequest("GET", "/ping", [], b"")
        reply, body = await call(engine, ping, within=_WITHIN, limit=_LIMIT)
        status = json.loads(body) if reply.status == 200 else None
    except (SidecarError, ValueError, RecursionError):
        return False
    return isinstance(status, dict) and status.get("status") == "HealthyBusy"
