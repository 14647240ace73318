"""Conversation memory: an engine that forgets each request gets sessions of many turns.

message -> step -> conversation     what is kept, and its form in the event log
body, overlap, merge                what goes to the engine
sse, pieces, answer                 the assistant's message, read as it passes
limits, keeping                     what is added to the log, and what is dropped
chat                                all of it, as a companion of the session's requests
"""

from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.engine.companion import Companion
from sidecar.memory.answer import Form
from sidecar.memory.chat import ChatMemory
from sidecar.memory.limits import Limits
from sidecar.sessions.store import Store

__all__ = ["make_memory"]


def make_memory(settings: Settings, store: Store) -> Companion | None:
    """None where it is off."""
    if settings.memory is None:
        return None
    return ChatMemory(
        store,
        SystemClock(),
        settings.memory_paths,
        settings.memory_messages,
        Form(
            settings.memory_reply,
            settings.memory_delta,
            settings.memory_finish,
            answer_limit=settings.body_limit,
            message_limit=settings.memory_bytes,
        ),
        Limits(settings.memory_turns, settings.memory_characters, settings.memory_bytes),
    )
