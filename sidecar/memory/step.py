"""A step of a conversation, and its form in the session's event log.

A step is one request and its reply. Each is one event, an object with the one member `chat`; other
events in the log are left alone:

    {"chat": {
        "number":   7,                    counts the steps of the session
        "time":     1790000000.3,         seconds since 1970, when the reply was complete
        "messages": ["{...}", ...],       what the client sent and was not known yet
        "reply":    "{...}",              the assistant's; none where the client told both sides
        "system":   ["{...}", ...],       the instructions from here on, if they are new
        "anew":     true                  what is before it in the log counts no longer
    }}

Messages are JSON texts, as they were written. A reader with another form of conversation has role,
text and time of each message, an order, and a number that no other step of the session has: for
Amazon Bedrock AgentCore, whose events are conversational {role, content.text} or blobs, one event
for each step, with `user`, `assistant` and `tool` as USER, ASSISTANT and TOOL, anything else as
OTHER, and what has no text as a blob.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sidecar.memory.message import Message
from sidecar.sessions.events import encode

_KIND = "chat"


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    messages: tuple[Message, ...]
    reply: Message | None = None
    time: float = 0.0
    system: tuple[Message, ...] | None = None
    anew: bool = False

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self | None:
        """None if the event is somebody else's."""
        try:
            kept = event[_KIND]
            return cls(
                int(kept["number"]),
                _messages(kept["messages"]),
                Message.of(kept["reply"]) if "reply" in kept else None,
                float(kept["time"]),
                _messages(kept["system"]) if "system" in kept else None,
                kept.get("anew") is True,
            )
        except (LookupError, TypeError, ValueError, RecursionError):
            return None

    def event(self) -> dict[str, Any]:
        kept: dict[str, Any] = {
            "number": self.number,
            "time": self.time,
            "messages": [message.text for message in self.messages],
        }
        if self.reply is not None:
            kept["reply"] = self.reply.text
        if self.system is not None:
            kept["system"] = [message.text for message in self.system]
        if self.anew:
            kept["anew"] = True
        return {_KIND: kept}

    @property
    def told(self) -> tuple[Message, ...]:
        """All of it, in order."""
        return self.messages if self.reply is None else (*self.messages, self.reply)

    @property
    def goes_on(self) -> bool:
        """It begins with the answer to an earlier step's call: it cannot stand without that one."""
        return bool(self.messages) and self.messages[0].answers_a_call

    @property
    def size(self) -> int:
        """In the store, in bytes."""
        return len(encode([self.event()]))


def _messages(texts: Sequence[str]) -> tuple[Message, ...]:
    return tuple(map(Message.of, texts))
