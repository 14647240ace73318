"""The end of sessions on a server whose time is over: taken off the lists, and told of once.

Nobody could use one of them any more: each script asks the clock. Every sidecar looks once a
second; the server lets one of them take each session.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from contextlib import suppress

from sidecar.errors import SidecarError
from sidecar.sessions.counts import Counts
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.operation import Operation
from sidecar.sessions.fleet.session import age_of, session_of
from sidecar.sessions.session import Session

LOG = logging.getLogger("sidecar.sessions")

PERIOD = 1.0
_AT_ONCE = 100


class Sweep:
    """`live` is how many sessions there were when the server was last asked."""

    def __init__(self, operation: Operation, keys: Keys, counts: Counts) -> None:
        self._operation = operation
        self._keys = keys
        self._counts = counts
        self._task: asyncio.Task[None] | None = None
        self.listener: Callable[[Session, str], None] | None = None
        self.live = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="session sweep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def tick(self) -> bool:
        """Do what is due; True if there is more. Raises StoreUnavailable."""
        expired, late, self.live = await self._operation.run(
            scripts.DUE, (self._keys.ends, self._keys.late), _AT_ONCE
        )
        # One that somebody has damaged must not keep the others.
        for name in expired:
            with suppress(SidecarError):
                await self._expire(name.decode())
        for name in late:
            with suppress(SidecarError):
                await self._take_over(name)
        return _AT_ONCE in (len(expired), len(late))

    async def _run(self) -> None:
        while True:
            more = False
            try:
                with suppress(SidecarError):
                    more = await self.tick()
            except Exception:
                # Whatever it was, a store that is never swept again is worse.
                LOG.exception("sweeping the sessions failed; it goes on")
            if not more:
                # Not all sidecars of a fleet at the same moment.
                await asyncio.sleep(PERIOD * random.uniform(0.8, 1.2))

    async def _expire(self, session_id: str) -> None:
        keys = self._keys.of(session_id)
        tells = int(self.listener is not None)
        said = await self._operation.run(scripts.EXPIRE, keys, session_id, tells)
        if isinstance(said, int):
            self._counts.note_expired(age_of(said))
        elif said is not None:
            await self._tell(said, "expired")

    async def _take_over(self, name: bytes) -> None:
        lists = (self._keys.late, self._keys.said)
        claimed = await self._operation.run(scripts.CLAIM, lists, name)
        if claimed is None:
            return
        said, is_first = claimed
        if said is None:
            await self._operation.run(scripts.TOLD, lists, name)
        else:
            await self._tell(said, "expired" if is_first else "adopted")

    async def _tell(self, said: bytes, why: str) -> None:
        name, session_id, created, ends, *rest = json.loads(said)
        # What is adopted was counted by whoever ended it.
        if why == "expired":
            age = int(ends) - int(created) if created and ends else -1
            self._counts.note_expired(age_of(max(age, -1)))
        session = session_of(session_id, created, ends, *rest)
        try:
            if self.listener is not None:
                self.listener(session, why)
        except Exception:
            LOG.exception("what follows the end of session %.8s... failed", session_id)
        await self._operation.run(scripts.TOLD, (self._keys.late, self._keys.said), name)
