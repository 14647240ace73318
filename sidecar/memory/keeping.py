"""What of a request and its reply is added to the session's log, and what is dropped for it."""

from collections.abc import Iterator, Sequence
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
        """Raises TooLarge."""
        entries = [entry for turn in self._kept(reply, time) for entry in turn]
        drop = self._drop(entries[0].place)
        first, *rest = [entry.step for entry in entries if entry.place is None]
        steps = [self._linked(first, drop), *rest]
        return Addition([step.event() for step in steps], drop)

    def _kept(self, reply: Message | None, time: float) -> list[Turn]:
        turns = in_turns([*self._earlier(), *self._added(reply, time)])
        if sum(entry.size for entry in turns[-1]) > self.limits.bytes:
            raise TooLarge
        return self.limits.kept(turns, characters=characters(self.system), at_least=1)

    def _earlier(self) -> Sequence[Entry]:
        """What is taken back now is in the log until what is before it is dropped."""
        earlier, gone = self.conversation.entries[: self.end], self.conversation.entries[self.end :]
        if not earlier or not gone:
            return earlier
        size = earlier[-1].size + sum(entry.size for entry in gone)
        return [*earlier[:-1], replace(earlier[-1], size=size)]

    def _added(self, reply: Message | None, time: float) -> Iterator[Entry]:
        *told, newest = _in_parts(self.new)
        number = self.conversation.last
        for messages in told:
            number += 1
            step = Step(number, messages, time=time)
            yield Entry(step, None, step.size)
        step = Step(number + 1, newest, reply, time)
        # One of the new steps may have to state the instructions: there is room for them here.
        yield Entry(step, None, replace(step, system=self.system).size)

    def _drop(self, place: int | None) -> int:
        """How many events are before the first entry that is kept. Others' are never dropped."""
        conversation = self.conversation
        drop = conversation.length if place is None else place
        return drop if conversation.stranger is None else min(drop, conversation.stranger)

    def _linked(self, step: Step, drop: int) -> Step:
        """The first new step says what has changed, and what would be dropped but is to stay."""
        conversation, follows = self.conversation, None
        if self.end < len(conversation.entries):
            follows = conversation.entries[self.end - 1].step.number
        is_stated = conversation.system_place >= drop or not self.system
        if keys(self.system) != keys(conversation.system) or not is_stated:
            step = replace(step, system=self.system)
        return replace(step, follows=follows)


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
