"""The end, asked for over HTTP: as the first SIGTERM, and asking again hurries nothing."""

from collections.abc import Callable

from aiohttp import web

from sidecar.ops.log import write_event


def drain_routes(begin: Callable[[], None]) -> list[web.RouteDef]:
    async def drain(request: web.Request) -> web.Response:
        write_event("drain_asked", client=request.remote)
        begin()
        return web.json_response({"draining": True}, status=202)

    return [web.post("/drain", drain)]
