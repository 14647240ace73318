"""What every request needs: made once at start, shared by both lanes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sidecar.config import Settings
from sidecar.dialects.intent import Voice
from sidecar.engine.companion import Companion
from sidecar.engine.keeper import Keeper
from sidecar.engine.replicas import Replicas
from sidecar.life import Life
from sidecar.sessions.order import Order
from sidecar.sessions.store import Immediate, Store
from sidecar.turn import Turn

if TYPE_CHECKING:
    from sidecar.ops.spans import Spans


@dataclass(frozen=True, slots=True)
class House:
    """voice: for what is said where no request is known.

    order: None where the requests of one session need none. spans: None where no trace is made.
    """

    settings: Settings
    voice: Voice
    store: Store
    keeper: Keeper
    replicas: Replicas
    life: Life
    on_turn: Callable[[Turn], None]
    companions: Sequence[Companion] = ()
    order: Order | None = None
    spans: "Spans | None" = None
    slow_sessions: bool = field(init=False)
    """What concerns a session may take time, or change a request: the express lane leaves it."""
    at_once: Immediate | None = field(init=False)
    """The store, if it can be asked without a coroutine."""

    def __post_init__(self) -> None:
        slow = (
            bool(self.companions)
            or self.order is not None
            or not self.store.immediate
            or not self.keeper.immediate
            or self.settings.session_body_path is not None
            or (self.replicas.several and self.settings.replica_loss == "repin")
        )
        object.__setattr__(self, "slow_sessions", slow)
        at_once = self.store if isinstance(self.store, Immediate) else None
        object.__setattr__(self, "at_once", at_once)
