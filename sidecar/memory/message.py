"""One message of a conversation: the text it was written in, and what is asked of it here.

The text is what is kept and sent, so numbers, escapes and members unknown to us go on as they came.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

# What is kept must be readable again, however deep the stack is then (1,000 frames in all).
DEEPEST = 100
INSTRUCTIONS = ("system", "developer")
ANSWERS_TO_CALLS = ("tool", "function")
# Numbers stay text: they are compared and counted, never written back.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    value: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises ValueError."""
        value = _decoder.decode(text)
        if not isinstance(value, dict):
            raise ValueError
        return cls(text, value)

    @property
    def role(self) -> Any:
        return self.value.get("role")

    @property
    def is_instruction(self) -> bool:
        return self.role in INSTRUCTIONS

    @property
    def answers_a_call(self) -> bool:
        return self.role in ANSWERS_TO_CALLS

    @property
    def characters(self) -> int:
        """Of its text: an image or a sound counts nothing."""
        rest = {name: each for name, each in self.value.items() if name not in ("role", "content")}
        return len(_content(self.value)) + sum(map(len, strings_in(rest)))

    @property
    def key(self) -> str:
        """The same for what a client makes of a message that it was sent.

        Clients leave out empty members and reasoning, write a text as one part of a list, and
        write the arguments of a call anew.
        """
        value = self.value
        if "role" not in value:
            return json.dumps({name: each for name, each in value.items() if each}, sort_keys=True)
        said = [value["role"], _content(value).strip(), _attachments(value)]
        calls = [_call(each) for each in _objects(value.get("tool_calls"))]
        return json.dumps([said, calls, value.get("tool_call_id")], sort_keys=True)


def characters(messages: Iterable[Message]) -> int:
    return sum(message.characters for message in messages)


def keys(messages: Iterable[Message]) -> list[str]:
    return [message.key for message in messages]


def is_too_deep(value: Any) -> bool:
    return any(depth > DEEPEST for depth, _ in _walk(value))


def _content(value: dict[str, Any]) -> str:
    content = value.get("content")
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _objects(content))
    return "".join(text for text in texts if isinstance(text, str))


def _attachments(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in _objects(value.get("content")) if "text" not in part]


def _call(call: dict[str, Any]) -> list[Any]:
    function = call.get("function")
    name, arguments = None, None
    if isinstance(function, dict):
        name, arguments = function.get("name"), function.get("arguments")
    return [name, call.get("id") or arguments]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def strings_in(value: Any) -> Iterator[str]:
    return (each for _, each in _walk(value) if isinstance(each, str))


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Everything in a value, with its depth."""
    waiting = [(0, value)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        if isinstance(each, dict):
            waiting += [(depth + 1, inner) for inner in each.values()]
        elif isinstance(each, list):
            waiting += [(depth + 1, inner) for inner in each]
