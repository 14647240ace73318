"""The dialects of one configuration, each with what it keeps."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.config import Settings
from sidecar.dialects.agentcore.compose import make_agentcore, make_sessions
from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.dialects.agentcore.runtime.busy import keep_busy
from sidecar.dialects.inferencesh.compose import make_inferencesh
from sidecar.dialects.inferencesh.sessions import LIFETIME as APP_LIFETIME
from sidecar.dialects.intent import Dialect
from sidecar.dialects.plain import Plain
from sidecar.dialects.sagemaker.dialect import SageMaker
from sidecar.engine.replicas import Replicas
from sidecar.sessions.store import Store

MakeStore = Callable[[str, float], Store]
"""A store of a dialect's own, so that no id of one contract means anything in another: its name,
and the longest life of what is in it, in seconds."""


Rounds = list[Coroutine[Any, Any, None]]


class Work(Protocol):
    """What was promised to clients that are not connected meanwhile."""

    @property
    def running(self) -> int: ...

    async def stop(self) -> None:
        """There is no time left for the rest."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """dialects: the last one has a route for every request. rounds: what goes on in the background
    for as long as the process serves. work: what a drain waits for, like for an answer."""

    dialects: tuple[Dialect, ...]
    rounds: Rounds
    work: tuple[Work, ...]


def make_contracts(
    settings: Settings,
    engine_path: str,
    replicas: Replicas,
    store: Store,
    make_store: MakeStore,
) -> Contracts:
    """`store` has the sessions of the engine's own paths."""
    dialects: list[Dialect] = []
    rounds: Rounds = []
    work: list[Work] = []
    if "agentcore" in settings.dialects:
        apart = make_store("agentcore", LIFETIME)
        sessions = make_sessions(settings, apart, replicas)
        agentcore, turns = make_agentcore(settings, apart, sessions, store)
        dialects.append(agentcore)
        work.append(turns)
        rounds.append(keep_busy(sessions, replicas))
    if "inferencesh" in settings.dialects:
        apart = make_store("inferencesh", APP_LIFETIME)
        inferencesh, tasks = make_inferencesh(settings, apart, replicas)
        dialects.append(inferencesh)
        work.append(tasks)
    dialects.append(_sagemaker(settings, engine_path))
    return Contracts(tuple(dialects), rounds, tuple(work))


def _sagemaker(settings: Settings, engine_path: str) -> Dialect:
    if "sagemaker" not in settings.dialects:
        return Plain()
    return SageMaker(
        enabled=settings.sessions,
        create_on_first_use=settings.create_on_first_use,
        control_body_limit=settings.control_body_limit,
        engine_header=settings.session_header,
        engine_path=engine_path,
    )
