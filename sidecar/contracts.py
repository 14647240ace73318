"""The dialects of one configuration, each with what it keeps."""

from collections.abc import Callable

from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.dialects.agentcore.dialect import AgentCore
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.dialects.intent import Dialect
from sidecar.dialects.plain import Plain
from sidecar.dialects.sagemaker.dialect import SageMaker
from sidecar.sessions.store import Store

MakeStore = Callable[[str, float], Store]
"""A store of a dialect's own, so that no id of one contract means anything in another: its name,
and the longest life of what is in it, in seconds."""


def make_dialects(
    settings: Settings, engine_path: str, make_store: MakeStore
) -> tuple[Dialect, ...]:
    """The last one has a route for every request."""
    dialects: list[Dialect] = []
    if "agentcore" in settings.dialects:
        dialects.append(_agentcore(settings, make_store("agentcore", LIFETIME)))
    dialects.append(_sagemaker(settings, engine_path))
    return tuple(dialects)


def _agentcore(settings: Settings, store: Store) -> AgentCore:
    days = settings.agentcore_expiry_days
    declared = settings.agentcore_memories or {}
    memory = MemoryApi(
        store,
        SystemClock(),
        declared={each: given or days for each, given in declared.items()},
        expiry_days=days,
        strict=settings.agentcore_strict,
    )
    return AgentCore(memory)


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
