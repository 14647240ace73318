"""The assistant's message in an engine's answer, JSON or a stream of events."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.config.chat import Query
from sidecar.engine.reply import Reply
from sidecar.memory.message import Message, is_too_deep, strings_in
from sidecar.memory.pieces import Pieces
from sidecar.sse import Event, EventReader

_DONE = "[DONE]"


class NoMessage(Exception):
    """The answer has no message that could be kept: why, in a few words."""


class AnswerTooLarge(Exception):
    """It has a message, which is more than may be kept."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where things are in an answer. finish: None where only its end ends a stream."""

    reply: Query
    delta: Query
    finish: Query | None
    answer_limit: int
    """Bytes of a JSON answer, or of one event, that are held to be read."""
    message_limit: int
    """Characters of a message."""


class Reader(Protocol):
    """`over`: the engine has said that its stream is complete."""

    over: bool

    def feed(self, data: bytes) -> None: ...

    def message(self) -> Message:
        """Once all has been fed. Raises NoMessage or AnswerTooLarge."""


def reader_of(reply: Reply, form: Form) -> Reader | None:
    """None for an answer that is no success."""
    if not 200 <= reply.status < 300:
        return None
    return StreamReader(form) if reply.is_event_stream else JsonReader(form)


class JsonReader:
    over = False

    def __init__(self, form: Form) -> None:
        self._form = form
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._form.answer_limit:
            self._pieces.append(data)
        else:
            self._pieces.clear()

    def message(self) -> Message:
        if self._size > self._form.answer_limit:
            raise AnswerTooLarge
        answer = _parsed(b"".join(self._pieces))
        if _is_error(answer):
            raise NoMessage("it is an error")
        found = self._form.reply(_first_choice(answer))
        if not isinstance(found, str | dict):
            raise NoMessage(f"there is no message at {self._form.reply.text}")
        return _message(_as_object(found))


class StreamReader:
    def __init__(self, form: Form) -> None:
        self._form = form
        self._events = EventReader()
        self._pieces = Pieces()
        self._size = 0
        self._finished = form.finish is None
        self._fault: NoMessage | AnswerTooLarge | None = None
        self.over = False

    def feed(self, data: bytes) -> None:
        if self._fault is None:
            self._take(self._events.feed(data))
        if self._events.held > self._form.answer_limit:
            self._give_up(AnswerTooLarge())

    def message(self) -> Message:
        if self._fault is None:
            self._take(self._events.end())
        if self._fault is not None:
            raise self._fault
        if not (self.over or self._finished):
            raise NoMessage("its stream ended before it was finished")
        if not self._size:
            raise NoMessage(f"there is no message at {self._form.delta.text}")
        return _message(self._pieces.value())

    def _take(self, events: list[Event]) -> None:
        try:
            for event in events:
                self._read(event)
        except (NoMessage, AnswerTooLarge) as fault:
            self._give_up(fault)

    def _give_up(self, fault: NoMessage | AnswerTooLarge) -> None:
        self._fault = fault
        self._events, self._pieces = EventReader(), Pieces()

    def _read(self, event: Event) -> None:
        if event.data.strip() == _DONE:
            self.over = True
        if self.over:
            return
        chunk = None if event.name == "error" else _parsed(event.data)
        if chunk is None or _is_error(chunk):
            raise NoMessage("its stream has an error")
        chunk = _first_choice(chunk)
        self._add(self._form.delta(chunk))
        if self._form.finish is not None and self._form.finish(chunk):
            self._finished = True

    def _add(self, delta: Any) -> None:
        if not isinstance(delta, str | dict):
            return
        if is_too_deep(delta):
            raise NoMessage("its message is nested too deeply")
        self._size += 1 + sum(map(len, strings_in(delta)))
        if self._size > self._form.message_limit:
            raise AnswerTooLarge
        self._pieces.add(_as_object(delta))


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoMessage("it is not JSON") from None


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("error"))


def _first_choice(value: Any) -> Any:
    """Of several (`n`), which come in any order."""
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
        return value
    choices = [each for each in value["choices"] if isinstance(each, dict)]
    return {**value, "choices": [each for each in choices if not each.get("index")]}


def _as_object(said: str | dict[str, Any]) -> dict[str, Any]:
    return {"content": said} if isinstance(said, str) else said


def _message(said: dict[str, Any]) -> Message:
    """As it goes to the engine again. Engines refuse some of the empty members that they wrote."""
    if is_too_deep(said):
        raise NoMessage("its message is nested too deeply")
    value = {name: each for name, each in said.items() if each not in (None, [], {})}
    if "content" in said or "tool_calls" in said:
        empty = None if "tool_calls" in value else ""
        value = {"role": "assistant", "content": empty, **value}
    try:
        # ASCII: halves of a character that came in two deltas are one again for whoever reads it.
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise NoMessage("its message has a number that is not JSON") from None
    return Message.of(text)
