"""Whether a client sends the conversation itself, whole or in part, and where it goes on from.

Such a client has something in its messages that only the engine can have told it: a reply. So the
messages are laid over the stored ones where both agree, with the beginning of either inside the
other, and the agreement must hold such a reply.

    stored     u1 a1 u2 a2           u1 a1 u2 a2              u1 a1 u2 a2        u1 a1 u2 a2
    sent       u1 a1 u2 a2 u3              u2 a2 u3        u0 u1 a1 u2 a2 u3     u1 a1 x2
               the usual one         it left u1 out        u0 was dropped here   it took u2 back
"""

from collections.abc import Sequence
from typing import NamedTuple

from sidecar.memory.conversation import Entry
from sidecar.memory.message import Message


class Overlap(NamedTuple):
    missing: int
    """Stored messages that stand before the agreement, so that the client left them out."""
    known: int
    """Messages of the client's that are stored, or are older than what is stored."""
    at: int
    """The entry that the client goes on from."""


def find_overlap(entries: Sequence[Entry], sent: Sequence[Message]) -> Overlap | None:
    """The longest agreement, and of several the newest."""
    speakers = [entry.step.reply.role for entry in entries if entry.step.reply is not None]
    if all(message.role not in speakers for message in sent):
        return None  # the usual one, without a look at every word
    owners = [index for index, entry in enumerate(entries) for _ in entry.step.told]
    stored = [message.key for entry in entries for message in entry.step.told]
    replies = _last_replies(entries)
    best, longest = None, 0
    for start, skipped, length in _agreements(stored, [message.key for message in sent]):
        if length < longest or not length:
            continue
        reply = replies[start + length - 1]
        if reply >= start:
            best = Overlap(start, skipped + reply - start + 1, owners[reply])
            longest = length
    return best


def _last_replies(entries: Sequence[Entry]) -> list[int]:
    """For each message, where the newest of the engine's replies is that is not behind it."""
    replies: list[int] = []
    newest = -1
    for entry in entries:
        for message in entry.step.told:
            if message is entry.step.reply:
                newest = len(replies)
            replies.append(newest)
    return replies


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
