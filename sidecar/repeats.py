"""What was made of something, for when it comes again."""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Repeats(Generic[K, V]):
    """At most `most` values, by what they were made of.

    Kept from the second time on, as far as `remembered` hashes tell: what never comes again would
    only push the others out, and keeping costs more than not to.
    """

    __slots__ = ("_kept", "_most", "_remembered", "_seen", "get")

    def __init__(self, most: int, remembered: int) -> None:
        self._most = most
        self._remembered = remembered
        self._kept: dict[K, V] = {}
        self._seen: set[int] = set()
        self.get = self._kept.get

    def is_second(self, key: K) -> bool:
        """Asked once for each time that `get` finds nothing."""
        seen, number = self._seen, hash(key)
        if number in seen:
            return True
        if len(seen) >= self._remembered:
            seen.clear()
        seen.add(number)
        return False

    def keep(self, key: K, value: V) -> None:
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = value
