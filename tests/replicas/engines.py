"""Replicas without a sidecar around them, whose health a test decides."""

from collections.abc import Sequence

from sidecar.config import EngineAddress
from sidecar.engine.ejection import Ejection
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import REPLICA
from sidecar.engine.outage import Condition, Outage
from sidecar.engine.replicas import Replicas
from sidecar.headers import Vocabulary
from sidecar.sessions.session import Session
from tests.harness.clock import MovedClock

GRACE, SILENCE = 5.0, 120.0


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def make(clock: MovedClock, ports: Sequence[int] = (1, 2, 3)) -> Replicas:
    """All ready."""
    engines = []
    for port in ports:
        engine = Engine(
            EngineAddress(address(port), "127.0.0.1", port),
            Vocabulary(None),
            connect_timeout=1,
            idle_limit=4,
            outage=Outage(GRACE, SILENCE, clock=clock.boot) if len(ports) > 1 else None,
        )
        engine.ejection = Ejection(clock=clock.boot, chance=lambda: 0.5)
        probed(engine, Condition.READY)
        engines.append(engine)
    return Replicas(engines)


def probed(engine: Engine, condition: Condition) -> None:
    engine.ready = condition is Condition.READY
    if engine.outage is not None:
        engine.outage.note(condition)


def session_on(port: int, **more: object) -> Session:
    return Session("some-id", 0.0, 60.0, None, {REPLICA: address(port), **more})
