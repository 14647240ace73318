"""A session's conversation, as its event log tells it.

turn    a step that can stand by itself, and those behind it that cannot: a user's message, the
        calls that the assistant made, their answers, and the reply
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sidecar.memory.message import Message
from sidecar.memory.step import Step


@dataclass(frozen=True, slots=True)
class Entry:
    """A step, and its place in the log, if it is there."""

    step: Step
    place: int | None
    size: int
    """In bytes, in the log."""


Turn = Sequence[Entry]


@dataclass(slots=True)
class Conversation:
    """`system`: its instructions. `last`: the newest step's number. Of the log: its length, and the
    places of the event with the instructions and of the first one that is somebody else's."""

    entries: list[Entry] = field(default_factory=list)
    system: tuple[Message, ...] = ()
    last: int = 0
    length: int = 0
    system_place: int = 0
    stranger: int | None = None

    @classmethod
    def of(cls, log: Iterable[Mapping[str, Any]]) -> Self:
        conversation = cls()
        for place, event in enumerate(log):
            conversation.length += 1
            step = Step.of(event)
            if step is not None:
                conversation._add(step, place)
            elif conversation.stranger is None:
                conversation.stranger = place
        # What such a step goes on from was dropped.
        while conversation.entries and conversation.entries[0].step.goes_on:
            del conversation.entries[0]
        return conversation

    def _add(self, step: Step, place: int) -> None:
        if step.anew:
            self.entries.clear()
        self.entries.append(Entry(step, place, step.size))
        self.last = step.number
        if step.system is not None:
            self.system, self.system_place = step.system, place


def in_turns(entries: Iterable[Entry]) -> list[Turn]:
    turns: list[list[Entry]] = []
    for entry in entries:
        if entry.step.goes_on and turns:
            turns[-1].append(entry)
        else:
            turns.append([entry])
    return list(turns)
