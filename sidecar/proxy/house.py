"""What every request needs: made once at start, shared by both lanes."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.config import Settings
from sidecar.dialects.intent import Dialect
from sidecar.engine.engine import Engine
from sidecar.life import Life
from sidecar.sessions.store import Store
from sidecar.turn import Turn


@dataclass(frozen=True, slots=True)
class House:
    settings: Settings
    dialect: Dialect
    store: Store
    engine: Engine
    life: Life
    on_turn: Callable[[Turn], None]
