"""The composition root: build, listen, sweep, drain, stop."""

import asyncio
import gc
import logging
import resource
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop
from aiohttp import http_parser

from sidecar.admin.server import start_admin
from sidecar.config import Settings
from sidecar.config.sources import variable
from sidecar.contracts import Contracts, make_contracts
from sidecar.control import Control
from sidecar.engine.replicas import Replicas
from sidecar.engine.rounds import watching
from sidecar.keeping import Keeping
from sidecar.manager import Manager
from sidecar.ops.access import access_log, noting
from sidecar.ops.figures import Figures, as_line, figures
from sidecar.ops.log import LOG, EventHandler, write_event
from sidecar.ops.replicas import replica_figures
from sidecar.ops.tally import Tally
from sidecar.ops.tracing import make_spans
from sidecar.parts import Process, cannot_listen, make_vocabulary
from sidecar.proxy.connections import Connections
from sidecar.proxy.express.server import ExpressServer
from sidecar.proxy.house import House
from sidecar.proxy.lane import Lane
from sidecar.proxy.pace import Limits
from sidecar.proxy.planner import Planner
from sidecar.proxy.server import ClientServer
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar")
_BACKLOG = 4096


def serve(settings: Settings) -> int:
    """Run until a signal. Returns the exit code."""
    _set_up_log(settings)
    for alias, name in settings.aliases().items():
        value = settings.given(name).text
        write_event("alias", variable=alias, sets=variable(name), value=value)
    if settings.workers > 1:
        return _run(settings, Manager(settings).run)
    return _run(settings, _App(settings, None).run)


def serve_as_worker(settings: Settings, sock: socket.socket) -> int:
    """One of several processes; `sock` leads to the one that started it."""
    _set_up_log(settings)
    return _run(settings, _App(settings, sock).run)


def _run(settings: Settings, run: Callable[[], Coroutine[Any, Any, int]]) -> int:
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        print("aiohttp was installed without its C parser: install its wheel", file=sys.stderr)
        return 1
    gc.freeze()  # what has been imported stays: a full look through it takes 20 ms of the loop
    gc.enable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _set_up_log(settings: Settings) -> None:
    LOG.text = settings.log_format == "text"
    logging.basicConfig(level=settings.log_level.upper(), handlers=[EventHandler()], force=True)


class _App(Process):
    """A process that serves the data port: the only one, or one of several workers."""

    def __init__(self, settings: Settings, sock: socket.socket | None) -> None:
        super().__init__(settings)
        self._socket = sock
        self._tally = Tally()
        self._spans = make_spans(settings)

    async def _serve(self, store: Store, replicas: Replicas, keeping: Keeping) -> int:
        settings = self._settings
        path = keeping.engine_path
        contracts = make_contracts(settings, path, replicas, store, self._make_apart)
        for apart in self._stores[1:]:
            await apart.start()
        self._life.is_busy = lambda: any(work.running for work in contracts.work)
        voice = contracts.dialects[-1].voice
        notes = [access_log(LOG)] if settings.access_log else []
        if self._spans is not None:
            notes.append(self._spans.end)
        house = House(
            settings,
            voice,
            store,
            keeping.keeper,
            replicas,
            self._life,
            noting(self._tally, *notes),
            keeping.companions,
            keeping.order,
            self._spans,
        )
        connections = Connections(
            Limits.of(settings),
            settings.connections_max or _connections_max(),
            voice.refuse,
        )
        planner = Planner(
            contracts.dialects,
            make_vocabulary(settings),
            settings.request_body_max,
            slow_sessions=house.slow_sessions,
        )
        lane = ClientServer(Lane(house), house, planner, connections)
        accept = ExpressServer(house, planner, connections, lane) if settings.express else lane
        return await self._listen(store, house, connections, accept, contracts)

    async def _listen(
        self,
        store: Store,
        house: House,
        connections: Connections,
        accept: ExpressServer | ClientServer,
        contracts: Contracts,
    ) -> int:
        settings = self._settings
        loop = asyncio.get_running_loop()

        def counted() -> Figures:
            own = figures(self._tally, connections, store, LOG.lines, self._restarts())
            return own | {"replicas": replica_figures(house.replicas)}

        async def gather() -> Figures:
            return counted()

        control = Control(self._socket, lambda: as_line(counted())) if self._socket else None
        watches = watching(house.replicas, self._stores, settings.engine_health_path)
        tasks = [asyncio.create_task(watch) for watch in (*watches, *contracts.rounds)]
        tasks.append(asyncio.create_task(_tick(house.replicas, connections)))
        try:
            admin = await start_admin(
                settings,
                house.replicas,
                store,
                house.keeper,
                self._life,
                gather,
                self._drain.begin,
            )
        except OSError as error:
            return cannot_listen("SIDECAR_ADMIN_PORT", error)
        try:
            listener = await loop.create_server(
                accept,
                settings.host,
                settings.port,
                backlog=_BACKLOG,
                reuse_port=control is not None or None,
            )
        except OSError as error:
            return cannot_listen("SIDECAR_PORT", error)
        if control is None:
            _announce("data", settings.host, listener.sockets[0].getsockname()[1])
        else:
            control.start(on_gone=self._drain.ask)
        self._start_engine(house.replicas, store)
        asked = asyncio.create_task(self._drain.asked())
        ended, _ = await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended - {asked}:
            logger.error("a part of the sidecar ended, so it stops", exc_info=task.exception())
        await self._drain.run(listener, connections)
        for work in contracts.work:
            await work.stop()
        code = await self._stop_engine()
        if admin is not None:
            await admin.cleanup()
        for task in (asked, *tasks):
            task.cancel()
        if self._spans is not None:
            await self._spans.stop()
        return code if ended == {asked} else 1


async def _tick(replicas: Replicas, connections: Connections) -> None:
    """One coarse timer instead of one per connection."""
    while True:
        await asyncio.sleep(1)
        replicas.drop_stale()
        connections.end_slow()


def _announce(listener: str, host: str, port: int) -> None:
    write_event("listening", listener=listener, address=f"{host}:{port}")


def _connections_max() -> int:
    """Each client may need a connection to the engine, and files need descriptors too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft // 2 - 64) if soft != resource.RLIM_INFINITY else 100_000
