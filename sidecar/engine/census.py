"""How many live sessions each replica has: what was counted last, and what was placed since.

Only the store knows the sessions of all processes, and those of the time before a restart. To ask
it is to read all of them, so that is done in the background, now and then.
"""

from collections import Counter
from collections.abc import Mapping

from sidecar.engine.keeper import REPLICA
from sidecar.sessions.store import Store


class Census:
    """By the text of the replicas' addresses."""

    def __init__(self) -> None:
        self._counted: Mapping[str, int] = {}
        self._placed: Counter[str] = Counter()

    def sessions(self, address: str) -> int:
        return self._counted.get(address, 0) + self._placed[address]

    @property
    def counted(self) -> int:
        return sum(self._counted.values())

    def note_placed(self, address: str) -> None:
        self._placed[address] += 1

    async def take(self, *stores: Store) -> None:
        """Raises StoreUnavailable. What is placed meanwhile may be counted twice, until the next
        time, rather than not at all."""
        before = self._placed.copy()
        counted: Counter[str] = Counter()
        for store in stores:
            counted.update(await store.tally(REPLICA))
        self._counted = counted
        self._placed -= before
