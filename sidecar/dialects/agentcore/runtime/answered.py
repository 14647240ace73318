"""Turns that were answered here, for another attempt of the same call."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sidecar.dialects.agentcore.runtime.running import Running

# Of all answers together; small ones are in the store, too (kept.py).
_REMEMBERED: Final = 64 << 20
_MOST: Final = 10_000
# The longest read timeout of a client known to us is the starter toolkit's, 900 s.
_SECONDS: Final = 900.0

Name = tuple[str, str]


class Answered:
    """Oldest first; what is too old or too much is dropped as new ones come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: OrderedDict[Name, tuple[float, Running]] = OrderedDict()
        self._size = 0

    def find(self, name: Name) -> Running | None:
        found = self._all.get(name)
        return None if found is None else found[1]

    def keep(self, name: Name, running: Running) -> None:
        self._all[name] = (self._clock(), running)
        self._size += running.record.kept
        while self._is_too_much():
            _, (_, oldest) = self._all.popitem(last=False)
            self._size -= oldest.record.kept

    def _is_too_much(self) -> bool:
        if not self._all:
            return False
        since, _ = next(iter(self._all.values()))
        too_much = self._size > _REMEMBERED or len(self._all) > _MOST
        return too_much or since < self._clock() - _SECONDS
