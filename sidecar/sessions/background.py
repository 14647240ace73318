"""The sweep in a thread, tick after tick, until the store stops."""

import asyncio
import contextlib
import logging

from sidecar.sessions.sweep import Sweep

LOG = logging.getLogger("sidecar.sessions")

IDLE = 1.0


class Background:
    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._wake = asyncio.Event()
        self._stopping = False
        self._last_failure = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="session sweep")

    def wake(self) -> None:
        self._wake.set()

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._sweep.close()

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            more = await self._tick()
            if self._sweep.removal.tell() or more:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE)

    async def _tick(self) -> bool:
        try:
            return await asyncio.to_thread(self._sweep.tick)
        except Exception as error:
            # Whatever it was, a store that is never swept again is worse.
            if repr(error) != self._last_failure:
                self._last_failure = repr(error)
                LOG.exception("sweeping the sessions failed; it goes on")
            return False
