"""The composition root: build, listen, sweep, drain, stop."""

import asyncio
import logging
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from aiohttp import http_parser

from sidecar.admin.server import start_admin
from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.dialects.sagemaker.dialect import SageMaker
from sidecar.engine.engine import Engine
from sidecar.engine.health import Prober
from sidecar.errors import StoreFailed
from sidecar.headers import Vocabulary
from sidecar.life import Life
from sidecar.ops.log import EventHandler, write_access, write_event
from sidecar.proxy.client import ClientConnection, ClientServer, reset
from sidecar.proxy.lane import Lane
from sidecar.sessions.root import open_root
from sidecar.sessions.tmpfs import TmpfsStore

logger = logging.getLogger("sidecar")
_BACKLOG = 4096


def serve(settings: Settings) -> int:
    """Run until a signal. Returns the exit code."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        print("aiohttp was installed without its C parser: install its wheel", file=sys.stderr)
        return 1
    logging.basicConfig(level=settings.log_level.upper(), handlers=[EventHandler()], force=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_App(settings).run())


class _App:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._life = Life()
        self._signals = 0
        self._signalled = asyncio.Event()
        self._forced = asyncio.Event()

    async def run(self) -> int:
        settings = self._settings
        fallback = Path(tempfile.gettempdir()) / "sagemaker_sessions"
        try:
            root, problem = open_root(Path(settings.sessions_path), fallback)
        except StoreFailed as error:
            print(error.message, file=sys.stderr)
            return 1
        if problem is not None:
            logger.warning(problem)
        store = TmpfsStore(
            root,
            clock=SystemClock(),
            ttl_limit=settings.sessions_ttl,
            max_sessions=settings.sessions_max,
            expiration_file=settings.sessions_expiration_file,
        )
        await store.start()
        try:
            return await self._serve(store)
        finally:
            await store.stop()

    async def _serve(self, store: TmpfsStore) -> int:
        settings = self._settings
        vocabulary = Vocabulary(settings.session_header)
        engine = Engine(
            settings.engine_url,
            vocabulary,
            connect_timeout=settings.engine_connect_timeout,
            idle_limit=settings.engine_idle_seconds,
        )
        dialect = SageMaker(
            enabled=settings.sessions,
            create_on_first_use=settings.create_on_first_use,
            control_body_limit=settings.control_body_limit,
            engine_header=settings.session_header,
        )
        on_turn = write_access if settings.access_log else lambda turn: None
        lane = Lane(settings, dialect, vocabulary, store, engine, self._life, on_turn)
        server = ClientServer(
            lane,
            connections_max=settings.connections_max or _connections_max(),
            head_timeout=settings.head_timeout,
            send_timeout=settings.send_timeout,
            body_grace=settings.body_grace,
            body_min_rate=settings.body_min_rate,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=settings.keepalive_timeout,
            tcp_keepalive=True,
        )
        return await self._listen(store, engine, server)

    async def _listen(self, store: TmpfsStore, engine: Engine, server: ClientServer) -> int:
        settings = self._settings
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        prober = asyncio.create_task(Prober(engine, settings.engine_health_path).run())
        ticker = asyncio.create_task(_tick(engine, server))
        admin = await start_admin(settings, engine, store, self._life)
        try:
            listener = await loop.create_server(
                server, settings.host, settings.port, backlog=_BACKLOG
            )
        except OSError as error:
            print(f"SIDECAR_PORT {settings.port}: {error.strerror}", file=sys.stderr)
            return 1
        _announce("data", settings.host, listener.sockets[0].getsockname()[1])
        await self._signalled.wait()
        await self._drain(listener, server)
        if admin is not None:
            await admin.cleanup()
        prober.cancel()
        ticker.cancel()
        engine.close()
        return 0

    def _on_signal(self) -> None:
        self._signals += 1
        self._signalled.set()
        if self._signals > 1:
            self._forced.set()

    async def _drain(self, listener: asyncio.Server, server: ClientServer) -> None:
        """Not ready, lame duck, no new connections, streams end, hard stop."""
        deadline = time.monotonic() + self._settings.drain_seconds
        self._life.draining = True
        write_event("draining")
        await self._pause(self._settings.lame_duck_seconds)
        listener.close()
        while time.monotonic() < deadline and not self._forced.is_set():
            if all(_is_idle(connection) for connection in server.connections):
                break
            await self._pause(0.05)
        for connection in server.connections:
            if connection.transport is not None:
                if _is_idle(connection):
                    connection.transport.close()
                else:
                    reset(connection.transport)
        write_event("stopped")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._forced.wait()
        except TimeoutError:
            pass


def _is_idle(connection: object) -> bool:
    return isinstance(connection, ClientConnection) and connection.is_idle


async def _tick(engine: Engine, server: ClientServer) -> None:
    """One coarse timer instead of one per connection."""
    while True:
        await asyncio.sleep(1)
        engine.drop_stale()
        server.end_slow_clients()


def _announce(listener: str, host: str, port: int) -> None:
    write_event("listening", listener=listener, address=f"{host}:{port}")


def _connections_max() -> int:
    """Each client may need a connection to the engine, and files need descriptors too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft // 2 - 64) if soft != resource.RLIM_INFINITY else 100_000
