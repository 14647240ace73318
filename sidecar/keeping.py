"""How sessions are kept in one configuration: by whom, with what beside them, in which order."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sidecar.config import Settings
from sidecar.config.preset import preset_of
from sidecar.delegation.compose import make_delegation
from sidecar.engine.companion import Companion
from sidecar.engine.keeper import Keeper, StoreKeeper
from sidecar.engine.replicas import Replicas
from sidecar.memory import make_memory
from sidecar.sessions.order import Order
from sidecar.sessions.store import Store

_INVOCATIONS = "/invocations"


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Keeping:
    """engine_path: where clients' `POST /invocations` go. stop: before the engine is left."""

    keeper: Keeper
    companions: tuple[Companion, ...]
    order: Order | None
    engine_path: str = _INVOCATIONS
    stop: Callable[[], Coroutine[Any, Any, None]] = _nothing


def make_keeping(settings: Settings, store: Store, replicas: Replicas) -> Keeping:
    """Before the store is started: it is told here who is to hear of sessions that expire."""
    memory = make_memory(settings, store)
    companions = () if memory is None else (memory,)
    preset = preset_of(settings)
    if preset is None:
        keeper = StoreKeeper(store, settings.sessions_ttl, pins=replicas.several)
        order = _order(settings, store, "parallel" if memory is None else "serialize")
        return Keeping(keeper, companions, order)
    delegation = make_delegation(preset, store, replicas, settings.sessions_ttl)
    store.on_ended = delegation.keeper.ended
    return Keeping(
        delegation.keeper,
        (*companions, delegation.companion),
        _order(settings, store, preset.concurrency if memory is None else "serialize"),
        preset.upstream_path or _INVOCATIONS,
        delegation.keeper.stop,
    )


def _order(settings: Settings, store: Store, needed: str) -> Order | None:
    """What the configuration needs comes before the default; `reject` suits every need."""
    chosen = settings.session_order if settings.session_order != "parallel" else needed
    if chosen == "parallel":
        return None
    return Order(store, settings.session_queue if chosen == "serialize" else 0)
