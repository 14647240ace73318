"""What the admin page shows beside the sessions: process, engines, sums to make rates of."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sidecar import __version__
from sidecar.config import Settings
from sidecar.engine.replicas import Replicas
from sidecar.life import Life
from sidecar.ops.figures import Figures, added
from sidecar.ops.replicas import replica_states
from sidecar.ops.tally import CODES, DURATIONS, OVERHEADS
from sidecar.sessions.store import Store

# What a platform asks every second says nothing of how the clients fare.
_NOT_CLIENTS = ("ping",)


def state_routes(
    settings: Settings,
    replicas: Replicas,
    store: Store,
    life: Life,
    gather: Callable[[], Awaitable[Figures]],
) -> list[web.RouteDef]:
    began = time.monotonic()

    async def show(request: web.Request) -> web.Response:
        known = await gather()
        said = {
            "version": __version__,
            "state": _state(replicas, life),
            "now": time.time(),
            "uptime": time.monotonic() - began,
            "dialects": settings.dialects,
            "store": settings.shown("store"),
            "workers": settings.workers,
            "sessions": {"active": store.count(), "max": settings.sessions_max},
            "replicas": replica_states(replicas, known["replicas"]),
            "sums": _sums(known),
        }
        return web.json_response(said, headers={"Cache-Control": "no-store"})

    return [web.get("/state", show)]


def _state(replicas: Replicas, life: Life) -> str:
    if life.draining:
        return "draining"
    return "ready" if replicas.ready else "not ready"


def _sums(known: Figures) -> dict[str, Any]:
    of_clients = [each for intent, each in known["intents"].items() if intent not in _NOT_CLIENTS]
    total = of_clients[0]
    for each in of_clients[1:]:
        total = added(total, each)
    return {
        "codes": dict(zip(CODES, total["codes"], strict=True)),
        "duration": {"bounds": DURATIONS, "counts": total["duration"]["counts"]},
        "overhead": {"bounds": OVERHEADS, "counts": known["overhead"]["counts"]},
        "in_flight": known["in_flight"],
        "connections": known["connections"],
        "sessions": known["sessions"],
    }
