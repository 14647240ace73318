"""A conversation as pure data: what the engine gets, and what is in the log behind it."""

import json
from typing import Any

from sidecar.memory.body import ChatBody
from sidecar.memory.conversation import Conversation
from sidecar.memory.limits import Limits
from sidecar.memory.merge import Merged, merge
from sidecar.memory.message import Message

Json = dict[str, Any]

UNLIMITED = Limits(None, None, 2**22)
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}


def calls(call_id: str) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": [CALL | {"id": call_id}]}


def tool(call_id: str, text: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def short(messages: list[Json]) -> str:
    """`u1 a1`: a message by its text, or the call that it makes."""
    return " ".join(str(each["content"] or each["tool_calls"][0]["id"]) for each in messages)


class Talk:
    def __init__(self, limits: Limits = UNLIMITED) -> None:
        self.limits = limits
        self.log: list[Json] = []
        self.time = 0.0

    def say(self, *sent: Json, reply: Json | None = None) -> str:
        """What the engine gets; `reply` is what it then replies, or that it breaks off."""
        messages, merged = self.merged(*sent)
        if reply is not None:
            self.time += 1
            addition = merged.keeping.addition(Message.of(json.dumps(reply)), self.time)
            self.log += addition.events
            del self.log[: addition.drop]
        return short(messages)

    def merged(self, *sent: Json) -> tuple[list[Json], Merged]:
        body = ChatBody.of(json.dumps({"messages": sent}).encode(), ("messages",))
        assert body is not None
        merged = merge(Conversation.of(self.log), body.messages, self.limits)
        texts = [message.text for message in merged.put_in]
        return json.loads(body.with_put_in(merged.behind, texts))["messages"], merged

    def ask(self, number: int) -> str:
        """`u1`, replied to with `a1`."""
        return self.say(user(f"u{number}"), reply=assistant(f"a{number}"))
