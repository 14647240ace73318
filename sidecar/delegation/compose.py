"""A preset put to work: who opens and closes sessions, and who changes their requests."""

from dataclasses import dataclass

from sidecar.clock import Clock, SystemClock
from sidecar.delegation.companion import DelegationCompanion
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.keeper import DelegatingKeeper
from sidecar.engine.replicas import Replicas
from sidecar.sessions.store import Store


@dataclass(frozen=True, slots=True)
class Delegation:
    """Before `store.start()`: `store.on_ended = delegation.keeper.ended`; before the engine's
    connections are closed: `await delegation.keeper.stop()`."""

    preset: Preset
    keeper: DelegatingKeeper
    companion: DelegationCompanion


def make_delegation(
    preset: Preset, store: Store, replicas: Replicas, ttl: float, clock: Clock | None = None
) -> Delegation:
    """`ttl`: of a session, in seconds."""
    return Delegation(
        preset,
        DelegatingKeeper(preset, store, replicas, ttl, clock or SystemClock()),
        DelegationCompanion(preset, store, ttl),
    )
