"""The admin listener: the sidecar's own health, metrics and version."""

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from sidecar import __version__
from sidecar.config import Settings
from sidecar.engine.engine import Engine
from sidecar.life import Life
from sidecar.ops.log import write_event
from sidecar.sessions.tmpfs import TmpfsStore


async def start_admin(
    settings: Settings, engine: Engine, store: TmpfsStore, life: Life
) -> web.AppRunner | None:
    """Listen, unless the admin port is off."""
    if settings.admin_port is None:
        return None
    registry = CollectorRegistry()
    up = Gauge("sidecar_engine_up", "1 while the engine is ready", registry=registry)
    up.set_function(lambda: engine.ready)
    active = Gauge("sidecar_sessions_active", "Live sessions", registry=registry)
    active.set_function(store.count)

    async def livez(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        ready = engine.ready and not life.draining
        return web.Response(status=200 if ready else 503, text="ok\n" if ready else "not ready\n")

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    async def version(request: web.Request) -> web.Response:
        return web.json_response({"version": __version__})

    app = web.Application()
    app.add_routes(
        [
            web.get("/livez", livez),
            web.get("/healthz", livez),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/version", version),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, settings.admin_host, settings.admin_port)
    await site.start()
    write_event(
        "listening", listener="admin", address=f"{settings.admin_host}:{runner.addresses[0][1]}"
    )
    return runner
