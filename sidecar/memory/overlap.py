"""Whether a client sends the conversation itself, whole or in part, and where it goes on from.

Such a client has something in its messages that only the engine can have told it: a reply. So the
messages are laid over the stored ones where both agree, with the beginning of either inside the
other, and the agreement must hold such a reply.

    stored     u1 a1 u2 a2           u1 a1 u2 a2              u1 a1 u2 a2        u1 a1 u2 a2
    sent       u1 a1 u2 a2 u3              u2 a2 u3        u0 u1 a1 u2 a2 u3     u1 a1 x2
               the usual one         it left u1 out        u0 was dropped here   it took u2 back

Some clients change replies: they let people correct them, or cut the thoughts out. Where no reply
agrees, what the user and the tools said must, with a reply of whatever words beside it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sidecar.memory.conversation import Entry
from sidecar.memory.message import Message


class Overlap(NamedTuple):
    missing: int
    """Stored messages that stand before the agreement, so that the client left them out."""
    known: int
    """Messages of the client's that are stored as they are, or older than what is stored."""
    end: int
    """How many entries the client goes on from; what it sent takes the place of the others."""


def find_overlap(entries: Sequence[Entry], sent: Sequence[Message]) -> Overlap | None:
    """The longest agreement, and of several the newest."""
    speakers = [entry.step.reply.role for entry in entries if entry.step.reply is not None]
    if all(message.role not in speakers for message in sent):
        return None  # the usual one, without a look at every word
    return _find(entries, sent, ()) or _find(entries, sent, speakers)


def _find(
    entries: Sequence[Entry], sent: Sequence[Message], unheard: Sequence[Any]
) -> Overlap | None:
    """`unheard`: the roles whose words are not compared."""
    owners = [index for index, entry in enumerate(entries) for _ in entry.step.told]
    told = [message for entry in entries for message in entry.step.told]
    replies = _newest(
        [message is entry.step.reply for entry in entries for message in entry.step.told]
    )
    heard = _newest([message.role not in unheard for message in told])
    best, longest = None, 1
    for start, skipped, length in _agreements(_keys(told, unheard), _keys(sent, unheard)):
        last = start + length - 1
        if length < longest or replies[last] < start or heard[last] < start:
            continue
        longest = length
        if unheard:
            best = Overlap(start, skipped, owners[start])
        else:
            known = skipped + replies[last] - start + 1
            best = Overlap(start, known, owners[replies[last]] + 1)
    return best


def _keys(messages: Sequence[Message], unheard: Sequence[Any]) -> list[str]:
    return ["" if message.role in unheard else message.key for message in messages]


def _newest(flags: list[bool]) -> list[int]:
    """For each place, the newest one up to it whose flag is set; -1: none."""
    newest, found = -1, []
    for place, flag in enumerate(flags):
        newest = place if flag else newest
        found.append(newest)
    return found


def _agreements(stored: list[str], sent: list[str]) -> list[tuple[int, int, int]]:
    """(first stored, first sent, how many) for each way to lay one over the other."""
    older = _prefix_lengths(stored, sent)[1:]
    newer = _prefix_lengths(sent, stored)
    return [(0, place + 1, length) for place, length in enumerate(older)] + [
        (place, 0, length) for place, length in enumerate(newer)
    ]


def _prefix_lengths(pattern: list[str], line: list[str]) -> list[int]:
    """How many items of `line` from each place on are the first ones of `pattern`.

    The Z algorithm (Gusfield 1997, section 1.3): a client may send 100,000 equal messages.
    """
    joined: list[str | None] = [*pattern, None, *line]
    lengths = [0] * len(joined)
    left = right = 0
    for place in range(1, len(joined)):
        length = min(right - place, lengths[place - left]) if place < right else 0
        while place + length < len(joined) and joined[length] == joined[place + length]:
            length += 1
        lengths[place] = length
        if place + length > right:
            left, right = place, place + length
    return lengths[len(pattern) + 1 :]
