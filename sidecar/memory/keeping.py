"""What of a request and its reply is added to the session's log, and what is dropped for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sidecar.memory.conversation import Conversation, Entry, Turn, in_turns
from sidecar.memory.limits import Limits
from sidecar.memory.message import INSTRUCTIONS, Message, characters, keys
from sidecar.memory.step import Step


class TooLarge(Exception):
    """The newest turn alone has more bytes than a session may keep."""


class Addition(NamedTuple):
    """To the log: `events` are added, then its oldest `drop` events go."""

    events: list[dict[str, Any]]
    drop: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """The client goes on from the first `end` entries, with the messages `new`."""

    conversation: Conversation
    end: int
    new: tuple[Message, ...]
    system: tuple[Message, ...]
    limits: Limits

    def check(self) -> None:
        """Before there is a reply. Raises TooLarge."""
        self._kept(None, 0.0)

    def addition(self, reply: Message, time: float) -> Addition:
        """What the client took back is not left in the log: what stays is written once more, all
        at once, and the former goes. Raises TooLarge."""
        entries = [entry for turn in self._kept(reply, time) for entry in turn]
        anew = self.end < len(self.conversation.entries)
        drop = self._drop(None if anew else entries[0].place)
        steps = [entry.step for entry in entries if anew or entry.place is None]
        steps[0] = replace(steps[0], anew=anew)
        if not self._is_stated(drop):
            steps[-1] = replace(steps[-1], system=self.system)
        return Addition([step.event() for step in steps], drop)

    def _kept(self, reply: Message | None, time: float) -> list[Turn]:
        turns = in_turns([*self.conversation.entries[: self.end], *self._added(reply, time)])
        if sum(entry.size for entry in turns[-1]) > self.limits.bytes:
            raise TooLarge
        return self.limits.kept(turns, characters=characters(self.system), at_least=1)

    def _added(self, reply: Message | None, time: float) -> Iterator[Entry]:
        *told, newest = _in_parts(self.new)
        number = self.conversation.last
        for messages in told:
            number += 1
            step = Step(number, messages, time=time)
            yield Entry(step, None, step.size)
        step = Step(number + 1, newest, reply, time)
        # It may have to state the instructions: there is room for them.
        yield Entry(step, None, replace(step, system=self.system).size)

    def _drop(self, place: int | None) -> int:
        """How many events are before the first entry that stays. Others' are never dropped."""
        conversation = self.conversation
        drop = conversation.length if place is None else place
        return drop if conversation.stranger is None else min(drop, conversation.stranger)

    def _is_stated(self, drop: int) -> bool:
        """Whether the instructions are in the log, in an event that stays there."""
        conversation = self.conversation
        if not self.system:
            return True
        return drop <= conversation.system_place and keys(self.system) == keys(conversation.system)


def _in_parts(messages: tuple[Message, ...]) -> list[tuple[Message, ...]]:
    """One for each turn that a client tells: a user's message behind what is no user's begins
    another."""
    parts: list[list[Message]] = [[]]
    replied = False
    for message in messages:
        if replied and message.role == "user":
            parts.append([])
            replied = False
        replied = replied or message.role not in ("user", *INSTRUCTIONS)
        parts[-1].append(message)
    return [tuple(part) for part in parts]
