"""What every process of the sidecar is made of, whether it serves data or looks after others."""

import logging
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sidecar.clock import SystemClock
from sidecar.config import Settings, short_names
from sidecar.config.store_address import StoreAddress
from sidecar.dialects.inferencesh.sessions import LIFETIME as APP_LIFETIME
from sidecar.dialects.inferencesh.sessions import AppSessions
from sidecar.drain import Drain
from sidecar.engine.engine import Engine
from sidecar.engine.outage import Outage
from sidecar.engine.replicas import Replicas
from sidecar.errors import StoreFailed
from sidecar.headers import Vocabulary
from sidecar.keeping import Keeping, make_keeping
from sidecar.life import Life
from sidecar.sessions.root import open_root
from sidecar.sessions.store import Store
from sidecar.sessions.tmpfs import TmpfsStore
from sidecar.supervisor.supervision import Supervision, kept_for_engine, supervise

logger = logging.getLogger("sidecar")


class Process:
    """From the first signal handler to the store's end; `_serve` is what lies between."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._life = Life()
        self._drain = Drain(
            self._life,
            lame_duck=settings.lame_duck_seconds,
            limit=settings.drain_seconds - kept_for_engine(settings),
        )
        self._supervision: Supervision | None = None
        self._stop_keeping: Callable[[], Coroutine[Any, Any, None]]
        self._stores: list[Store] = []
        self._apart: dict[str, Store] = {}

    async def run(self) -> int:
        """Until a signal. Returns the exit code."""
        self._drain.on_signals()
        settings = self._settings
        store = make_store(settings)
        if store is None:
            return 1
        self._stores.append(store)
        replicas = make_replicas(settings, make_vocabulary(settings))
        keeping = make_keeping(settings, store, replicas)
        self._stop_keeping = keeping.stop
        await store.start()
        try:
            return await self._serve(store, replicas, keeping)
        finally:
            await keeping.stop()
            replicas.close()
            for each in self._stores:
                await each.stop()

    async def _serve(self, store: Store, replicas: Replicas, keeping: Keeping) -> int:
        raise NotImplementedError

    def _make_apart(self, name: str, ttl_limit: float) -> Store:
        """A store of its own for a dialect, started with the others."""
        if name not in self._apart:
            self._apart[name] = self._stores[0].apart(name, ttl_limit=ttl_limit)
            self._stores.append(self._apart[name])
        return self._apart[name]

    def _start_engine(self, replicas: Replicas, store: Store) -> None:
        """If it is ours to start."""

        async def end_workers() -> None:
            if "inferencesh" in self._settings.dialects:
                apart = self._make_apart("inferencesh", APP_LIFETIME)
                await AppSessions(apart, replicas).lose_worker(replicas.engines[0])

        self._supervision = supervise(
            self._settings, replicas, store, self._drain, end_workers=end_workers
        )

    async def _stop_engine(self) -> int:
        """After the clients, and after it was told what it may forget. Returns its exit code; 0 if
        it is not ours."""
        await self._stop_keeping()
        return await self._supervision.stop() if self._supervision is not None else 0

    def _restarts(self) -> int:
        return self._supervision.restarts if self._supervision is not None else 0


def make_store(settings: Settings) -> Store | None:
    """The store, not started; None when it cannot be used, which has been said."""
    if settings.store == "tmpfs":
        return _make_tmpfs_store(settings)
    return _make_fleet_store(settings, settings.store)


def _make_fleet_store(settings: Settings, address: StoreAddress) -> Store | None:
    """It need not be there yet: what is no session's goes on without it."""
    try:
        from sidecar.sessions.fleet.make import make_fleet_store
    except ImportError:
        print(
            "SIDECAR_STORE: a store at an address needs redis-py: "
            "pip install 'session-sidecar[redis]'",
            file=sys.stderr,
        )
        return None
    return make_fleet_store(
        address,
        prefix=settings.store_prefix,
        password_file=settings.store_password_file,
        ca_file=settings.store_ca_file,
        max_sessions=settings.sessions_max,
    )


def _make_tmpfs_store(settings: Settings) -> TmpfsStore | None:
    try:
        root, problem = open_root(Path(settings.sessions_path), _fallback())
    except StoreFailed as error:
        print(error.message, file=sys.stderr)
        return None
    if problem is not None:
        logger.warning(problem)
    return TmpfsStore(
        root,
        clock=SystemClock(),
        ttl_limit=settings.sessions_ttl,
        max_sessions=settings.sessions_max,
        expiration_file=settings.sessions_expiration_file,
    )


def _fallback() -> Path:
    """Where the root is read-only Python finds no temporary directory, and none may be needed."""
    try:
        directory = tempfile.gettempdir()
    except FileNotFoundError:
        directory = "/tmp"
    return Path(directory) / "sagemaker_sessions"


def make_vocabulary(settings: Settings) -> Vocabulary:
    return Vocabulary(settings.session_header, settings.session_owner_header)


def make_replicas(settings: Settings, vocabulary: Vocabulary) -> Replicas:
    addresses, header = settings.engine_url, settings.replica_header
    several = len(addresses) > 1
    engines = [
        Engine(
            address,
            vocabulary,
            connect_timeout=settings.engine_connect_timeout,
            idle_limit=settings.engine_idle_seconds,
            outage=Outage(settings.replica_grace, settings.replica_silence) if several else None,
            header=(header, name) if several and header is not None else None,
        )
        for address, name in zip(addresses, short_names(addresses), strict=True)
    ]
    return Replicas(engines)


def cannot_listen(setting: str, error: OSError) -> int:
    """Say so. Returns the exit code."""
    print(f"{setting}: {error.strerror}", file=sys.stderr)
    return 1
