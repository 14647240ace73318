"""An agent that says it is busy is not idle, also while no turn of its sessions runs."""

import asyncio
import json
import logging
from typing import Final

from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.engine.call import call
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import SidecarError

logger = logging.getLogger("sidecar.agentcore")

# The shortest idle time that AWS allows is 60 s.
_INTERVAL: Final = 15.0
_WITHIN: Final = 5.0
_LIMIT: Final = 65536


async def keep_busy(sessions: RuntimeSessions, replicas: Replicas) -> None:
    """For ever: what the SDK calls HealthyBusy is said of the whole process, so of each session."""
    while True:
        await asyncio.sleep(min(_INTERVAL, sessions.idle / 4))
        try:
            await asyncio.gather(*(_look(sessions, engine) for engine in replicas.engines))
        except SidecarError as error:  # the store will be back
            logger.warning("sessions of a busy agent were not kept: %s", error.message)


async def _look(sessions: RuntimeSessions, engine: Engine) -> None:
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
