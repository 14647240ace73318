"""What runs here and how it is set: the version, the settings and the list of endpoints."""

import platform

import aiohttp
from aiohttp import web

from sidecar import __version__
from sidecar.config import Settings
from sidecar.config.sources import variable

_NAME = "session-sidecar"
INDEX = f"""\
{_NAME}, admin port; a browser gets a page at /

GET  /livez                     200 while this process serves; /healthz is the same
GET  /readyz?verbose            200 while requests would be served, else 503 and why
GET  /metrics                   Prometheus text, or OpenMetrics if asked for
GET  /state                     all that the page shows but the sessions
GET  /replicas                  the engines, one by one
GET  /sessions?limit=&after=    live sessions
GET  /sessions/ID               one of them; DELETE ends it
GET  /sessions/ID/events        its log
GET  /sessions/ID/data/KEY      a value kept in it; also PUT and DELETE
POST /drain                     stop as SIGTERM does: not ready, then streams finish
GET  /config                    every setting, and where its value came from
GET  /version                   of the sidecar, of Python and of aiohttp
"""


def about_routes(settings: Settings) -> list[web.RouteDef]:
    async def version(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "name": _NAME,
                "version": __version__,
                "python": platform.python_version(),
                "aiohttp": aiohttp.__version__,
            }
        )

    async def config(request: web.Request) -> web.Response:
        return web.json_response(_effective(settings))

    return [web.get("/version", version), web.get("/config", config)]


def _effective(settings: Settings) -> dict[str, dict[str, str]]:
    return {
        variable(name): {"value": settings.shown(name), "origin": settings.given(name).origin}
        for name in type(settings).model_fields
    }
