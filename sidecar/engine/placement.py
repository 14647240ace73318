"""Which of several replicas is chosen: the one that least speaks against."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class Doubt(IntEnum):
    """Whether it would serve. Where all are in doubt the least doubtful is tried."""

    NONE = 0
    EJECTED = 1
    NOT_READY = 2
    GONE = 3


class Load(NamedTuple):
    """What speaks against a replica, the weightiest first."""

    doubt: Doubt
    sessions: int  # 0 for a request that belongs to none
    in_flight: int


def least(loads: Sequence[Load], start: int) -> int:
    """Which one; of several that are equal, the first from `start` on, round and round, so that
    an idle fleet is used evenly."""
    count = len(loads)
    in_turn = [(start + number) % count for number in range(count)]
    return min(in_turn, key=loads.__getitem__)
