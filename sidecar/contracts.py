"""The dialects of one configuration, each with what it keeps."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.config.apps import App
from sidecar.dialects.agentcore.dialect import AgentCore
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.dialects.agentcore.runtime.busy import keep_busy
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.runtime import Runtime
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.dialects.agentcore.runtime.turns import Turns
from sidecar.dialects.inferencesh.api import Api
from sidecar.dialects.inferencesh.apps import Apps
from sidecar.dialects.inferencesh.chat import Chat
from sidecar.dialects.inferencesh.dialect import InferenceSh
from sidecar.dialects.inferencesh.files import Files
from sidecar.dialects.inferencesh.running import QUEUE as APP_QUEUE
from sidecar.dialects.inferencesh.running import Runner
from sidecar.dialects.inferencesh.sessions import LIFETIME as APP_LIFETIME
from sidecar.dialects.inferencesh.sessions import AppSessions
from sidecar.dialects.inferencesh.tasks import Tasks
from sidecar.dialects.intent import Dialect
from sidecar.dialects.plain import Plain
from sidecar.dialects.sagemaker.dialect import SageMaker
from sidecar.engine.replicas import Replicas
from sidecar.sessions.order import Order
from sidecar.sessions.store import Store

MakeStore = Callable[[str, float], Store]
"""A store of a dialect's own, so that no id of one contract means anything in another: its name,
and the longest life of what is in it, in seconds."""


Rounds = list[Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Contracts:
    """dialects: the last one has a route for every request. rounds: what goes on in the background
    for as long as the process serves."""

    dialects: tuple[Dialect, ...]
    rounds: Rounds


def make_contracts(
    settings: Settings, engine_path: str, replicas: Replicas, make_store: MakeStore
) -> Contracts:
    dialects: list[Dialect] = []
    rounds: Rounds = []
    if "agentcore" in settings.dialects:
        store = make_store("agentcore", LIFETIME)
        sessions = RuntimeSessions(
            store,
            replicas,
            idle=settings.agentcore_idle,
            maximum=settings.agentcore_lifetime,
        )
        dialects.append(_agentcore(settings, store, sessions))
        rounds.append(keep_busy(sessions, replicas))
    if "inferencesh" in settings.dialects:
        dialects.append(_inferencesh(settings, make_store("inferencesh", APP_LIFETIME), replicas))
    dialects.append(_sagemaker(settings, engine_path))
    return Contracts(tuple(dialects), rounds)


def _agentcore(settings: Settings, store: Store, sessions: RuntimeSessions) -> AgentCore:
    outward = Outward(
        memory_id=settings.agentcore_memory_id, authorization=settings.agentcore_authorization
    )
    clock, strict = SystemClock(), settings.agentcore_strict
    runtime = Runtime(Turns(store, sessions, clock), sessions, outward, strict=strict)
    shares = "sagemaker" in settings.dialects
    return AgentCore(_memory(settings, store), runtime, outward, shares=shares)


def _memory(settings: Settings, store: Store) -> MemoryApi:
    days = settings.agentcore_expiry_days
    declared = settings.agentcore_memories or {}
    return MemoryApi(
        store,
        SystemClock(),
        declared={each: given or days for each, given in declared.items()},
        expiry_days=days,
        strict=settings.agentcore_strict,
    )


def _inferencesh(settings: Settings, store: Store, replicas: Replicas) -> InferenceSh:
    tasks, sessions, order = Tasks(store), AppSessions(store, replicas), Order(store, APP_QUEUE)
    files, limit = Files(store, settings.inferencesh_file_limit), settings.body_limit
    runner = Runner(
        tasks,
        sessions,
        replicas,
        order,
        files,
        Chat(store, limit),
        header=settings.session_header,
        end_on=settings.inferencesh_end_on or {},
        limit=limit,
    )
    path = settings.inferencesh_default_path
    apps = Apps(settings.inferencesh_apps, App(path) if path is not None else None)
    timeout = int(settings.inferencesh_timeout)
    api = Api(apps, tasks, sessions, runner, order, files, timeout=timeout)
    return InferenceSh(api, max(limit, settings.inferencesh_file_limit))


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
