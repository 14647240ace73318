"""What every process of the sidecar is made of, whether it serves data or looks after others."""

import logging
import sys
import tempfile
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.config import Settings, short_names
from sidecar.drain import Drain
from sidecar.engine.engine import Engine
from sidecar.engine.outage import Outage
from sidecar.engine.replicas import Replicas
from sidecar.errors import StoreFailed
from sidecar.headers import Vocabulary
from sidecar.life import Life
from sidecar.proxy.order import Order
from sidecar.sessions.root import open_root
from sidecar.sessions.store import Store
from sidecar.sessions.tmpfs import TmpfsStore

logger = logging.getLogger("sidecar")


class Process:
    """From the first signal handler to the store's end; `_serve` is what lies between."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._life = Life()
        self._drain = Drain(
            self._life, lame_duck=settings.lame_duck_seconds, limit=settings.drain_seconds
        )

    async def run(self) -> int:
        """Until a signal. Returns the exit code."""
        self._drain.on_signals()
        store = make_store(self._settings)
        if store is None:
            return 1
        await store.start()
        try:
            return await self._serve(store)
        finally:
            await store.stop()

    async def _serve(self, store: TmpfsStore) -> int:
        raise NotImplementedError


def make_store(settings: Settings) -> TmpfsStore | None:
    """The store, not started; None when it cannot be used, which has been said."""
    fallback = Path(tempfile.gettempdir()) / "sagemaker_sessions"
    try:
        root, problem = open_root(Path(settings.sessions_path), fallback)
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


def make_order(settings: Settings, store: Store) -> Order | None:
    if settings.session_order == "parallel":
        return None
    return Order(store, settings.session_queue if settings.session_order == "serialize" else 0)


def cannot_listen(setting: str, error: OSError) -> int:
    """Say so. Returns the exit code."""
    print(f"{setting}: {error.strerror}", file=sys.stderr)
    return 1
