"""One verb of the store's contract as the server is asked for it: timed, and its failures counted.

The verb is bound when the store is made, so a call looks nothing up.
"""

import time
from collections.abc import Awaitable, Sequence
from typing import Any

from sidecar.errors import StoreFull, StoreUnavailable
from sidecar.histogram import Histogram
from sidecar.sessions.counts import CALLS, Counts, Op
from sidecar.sessions.fleet.script import Script
from sidecar.sessions.fleet.server import Server


class Operation:
    """Each call raises StoreUnavailable, or StoreFull if the server has no memory left."""

    def __init__(self, op: Op, server: Server, counts: Counts) -> None:
        self._op = op
        self._server = server
        self._counts = counts
        self._seconds = counts.calls[op] = Histogram(CALLS)

    def run(self, script: Script, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        return self._timed(self._server.run(script, keys, *args))

    def ask(self, *command: str | bytes | int) -> Awaitable[Any]:
        return self._timed(self._server.ask(*command))

    async def _timed(self, call: Awaitable[Any]) -> Any:
        began = time.monotonic()
        try:
            answer = await call
        except StoreFull:
            self._note_full()
            raise
        except StoreUnavailable:
            self._counts.errors[self._op] += 1
            raise
        self._seconds.note(time.monotonic() - began)
        return answer

    def _note_full(self) -> None:
        """Nobody is refused anything by a sweep."""
        if self._op == "sweep":
            self._counts.errors["sweep"] += 1
        else:
            self._counts.refused += 1
