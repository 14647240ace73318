"""The admin listener: health, metrics, sessions and settings, apart from the engine's paths."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client.exposition import choose_encoder

from sidecar.admin.about import INDEX, about_routes
from sidecar.admin.drain import drain_routes
from sidecar.admin.guard import guards, seal, way_in
from sidecar.admin.health import health_routes
from sidecar.admin.page import page_routes
from sidecar.admin.replicas import replica_routes
from sidecar.admin.sessions import session_routes
from sidecar.admin.state import state_routes
from sidecar.config import Settings
from sidecar.engine.keeper import Keeper
from sidecar.engine.replicas import Replicas
from sidecar.headers import SESSION_ID
from sidecar.life import Life
from sidecar.ops.figures import Figures
from sidecar.ops.log import write_event
from sidecar.ops.metrics import metrics
from sidecar.ops.replicas import ReplicaMetrics, replica_states
from sidecar.sessions.store import Store

Gather = Callable[[], Awaitable[Figures]]

logger = logging.getLogger("sidecar.admin")


async def start_admin(
    settings: Settings,
    replicas: Replicas,
    store: Store,
    keeper: Keeper,
    life: Life,
    gather: Gather,
    drain: Callable[[], None],
) -> web.AppRunner | None:
    """Listen, unless the admin port is off.

    gather: what has been counted until now; drain: begins it, as a signal does.
    """
    if settings.admin_port is None:
        return None
    way = way_in(settings.admin_host, settings.admin_token_file)
    app = web.Application(middlewares=guards(settings.admin_host, settings.admin_token_file))
    app.on_response_prepare.append(seal)
    app.add_routes(health_routes(replicas, store, life))
    app.add_routes([web.get("/metrics", _scraped(replicas, store, gather))])
    app.add_routes(replica_routes(replicas, gather))
    app.add_routes(session_routes(store, keeper, settings.session_header or SESSION_ID))
    app.add_routes(state_routes(settings, replicas, store, life, gather))
    app.add_routes(drain_routes(drain))
    app.add_routes(page_routes(way, INDEX))
    app.add_routes(about_routes(settings))
    if way == "shut":
        logger.warning(
            "SIDECAR_ADMIN_HOST is open to other machines: set SIDECAR_ADMIN_TOKEN_FILE; until "
            "then that port tells health and metrics only"
        )
    return await _listen(app, settings.admin_host, settings.admin_port)


def _scraped(
    replicas: Replicas, store: Store, gather: Gather
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def scrape(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        known = await gather()
        found = metrics(known, sessions=store.count(), engine_up=replicas.ready)
        found.register(ReplicaMetrics(replica_states(replicas, known["replicas"])))
        return web.Response(body=encode(found), headers={"Content-Type": content_type})

    return scrape


async def _listen(app: web.Application, host: str, port: int) -> web.AppRunner:
    logger.addFilter(_is_our_fault)
    runner = web.AppRunner(app, access_log=None, logger=logger, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    write_event("listening", listener="admin", address=f"{host}:{runner.addresses[0][1]}")
    return runner


def _is_our_fault(record: logging.LogRecord) -> bool:
    """aiohttp logs a traceback, with the bytes that came, for each request that is not HTTP: any
    scanner of ports could fill the log."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)
