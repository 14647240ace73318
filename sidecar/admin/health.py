"""Whether the sidecar lives, and whether requests sent to it now would be served."""

from aiohttp import web

from sidecar.engine.replicas import Replicas
from sidecar.errors import SessionNotFound, SidecarError
from sidecar.life import Life
from sidecar.sessions.store import Store

_OK = "ok"
_FRESH = {"Cache-Control": "no-store"}
_NOBODYS = "00000000-0000-0000-0000-000000000000"


def health_routes(replicas: Replicas, store: Store, life: Life) -> list[web.RouteDef]:
    async def livez(request: web.Request) -> web.Response:
        """Of this process alone: an engine that takes long to load must not be killed for it."""
        return web.Response(text="ok\n", headers=_FRESH)

    async def readyz(request: web.Request) -> web.Response:
        checks = {
            "drain": "this sidecar is stopping" if life.draining else _OK,
            "engine": _OK if replicas.ready else f"the engine at {replicas.addresses} is not ready",
            "store": await _ailment(store),
        }
        return _readiness(checks, verbose="verbose" in request.query)

    return [
        web.get("/livez", livez),
        web.get("/healthz", livez),
        web.get("/readyz", readyz),
    ]


async def _ailment(store: Store) -> str:
    """By the look that each request of a session begins with."""
    try:
        await store.get(_NOBODYS)
    except SessionNotFound:
        pass
    except SidecarError as error:
        return error.message
    return _OK


def _readiness(checks: dict[str, str], *, verbose: bool) -> web.Response:
    reasons = [said for said in checks.values() if said != _OK]
    body: dict[str, object] = {"ready": not reasons}
    if reasons:
        body["reason"] = "; ".join(reasons)
    if verbose:
        body["checks"] = checks
    response = web.json_response(body, status=503 if reasons else 200, headers=_FRESH)
    if reasons:
        response.headers["Retry-After"] = "1"
    return response
