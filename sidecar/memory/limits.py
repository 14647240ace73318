"""How much of a conversation is kept, and what is dropped: whole turns, the oldest first.

Of a turn nothing is dropped alone, so no tool's answer is ever without its call. Instructions stay,
and so does the newest turn, whatever its length in characters: the engine will judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.memory.conversation import Turn
from sidecar.memory.message import characters as count


@dataclass(frozen=True, slots=True)
class Limits:
    turns: int | None
    characters: int | None
    bytes: int

    def kept(self, turns: Sequence[Turn], *, characters: int, at_least: int = 0) -> list[Turn]:
        """The newest turns that may stay; so many characters are taken already."""
        kept: list[Turn] = []
        size = 0
        for turn in reversed(turns):
            characters += sum(count(entry.step.told) for entry in turn)
            size += sum(entry.size for entry in turn)
            if len(kept) >= at_least and not self._allow(len(kept) + 1, characters, size):
                break
            kept.append(turn)
        return kept[::-1]

    def _allow(self, turns: int, characters: int, size: int) -> bool:
        return (
            (self.turns is None or turns <= self.turns)
            and (self.characters is None or characters <= self.characters)
            and size <= self.bytes
        )
