"""How the engines fare, one by one."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sidecar.engine.replicas import Replicas
from sidecar.ops.figures import Figures
from sidecar.ops.replicas import replica_states


def replica_routes(
    replicas: Replicas, gather: Callable[[], Awaitable[Figures]]
) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        states = replica_states(replicas, (await gather())["replicas"])
        return web.json_response({"replicas": states}, headers={"Cache-Control": "no-store"})

    return [web.get("/replicas", show)]
