"""What goes to the engine with a client's messages.

Instructions are the system and developer messages that a request begins with. New ones replace the
stored ones; a request without any gets the stored ones, first.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from sidecar.memory.conversation import Conversation, Entry, in_turns
from sidecar.memory.keeping import Keeping
from sidecar.memory.limits import Limits
from sidecar.memory.message import Message, characters
from sidecar.memory.overlap import find_overlap


class Merged(NamedTuple):
    put_in: list[Message]
    behind: int
    """Where they go: behind so many of the client's messages."""
    keeping: Keeping


def merge(conversation: Conversation, sent: Sequence[Message], limits: Limits) -> Merged:
    own = tuple(takewhile(lambda message: message.is_instruction, sent))
    said = tuple(sent[len(own) :])
    system = own or conversation.system
    entries = conversation.entries
    before, part, end, new = entries, list[Message](), len(entries), said
    if overlap := find_overlap(entries, said):
        before, part = _first(entries, overlap.missing)
        end, new = overlap.end, said[overlap.known :]
        if end <= len(before):
            new = (*part, *new)
    going = (*part, *said)
    turns = limits.kept(
        in_turns(before),
        characters=characters((*system, *going)),
        at_least=any(message.answers_a_call for message in going[:1]),
    )
    earlier = [message for turn in turns for entry in turn for message in entry.step.told]
    instructions = [] if own else [*system]
    keeping = Keeping(conversation, end, new, system, limits)
    return Merged([*instructions, *earlier, *part], len(own), keeping)


def _first(entries: list[Entry], count: int) -> tuple[list[Entry], list[Message]]:
    """The entries that hold the first `count` messages, and what of the next one is among them."""
    for index, entry in enumerate(entries):
        told = entry.step.told
        if count < len(told):
            return entries[:index], [*told[:count]]
        count -= len(told)
    return entries, []
