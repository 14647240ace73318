"""Close calls that no client waits for: of sessions that expired, that were lost or given up.

Each is tried a few times, not many at once, and never on a request's way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from sidecar.delegation.calling import EngineRefused
from sidecar.errors import SidecarError

logger = logging.getLogger("sidecar.delegation")

_WAITS = (1.0, 4.0, 16.0)
_AT_ONCE = 8
# A waiting one takes about 2 KiB; an engine that is down for long must not fill the memory.
_MOST = 10_000
_LOG_EVERY = 60.0


class Closing:
    """All mutable state: the tasks, and what was not yet said of those that failed."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._failed = 0
        self._said = float("-inf")

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Kept until it ends, whoever stops waiting for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def soon(self, attempt: Callable[[], Awaitable[object]]) -> None:
        if len(self._tasks) >= _MOST:
            self._note("too many wait to be closed already")
            return
        self.start(self.persist(attempt))

    async def persist(self, attempt: Callable[[], Awaitable[object]]) -> None:
        for wait in (*_WAITS, None):
            try:
                async with self._turn:
                    await attempt()
                return
            except SidecarError as error:
                refused = isinstance(error, EngineRefused) and error.status < 500
                if refused or wait is None or self.stopping.is_set():
                    self._note(error.message)
                    return
            await self.pause(wait)

    async def pause(self, seconds: float) -> None:
        """Ends early when the process stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def stop(self, limit: float) -> None:
        """One more try for each that waits; what is not done after `limit` seconds is left."""
        self.stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, SidecarError):
            logger.error("a call of the engine's session API failed", exc_info=error)

    def _note(self, why: str) -> None:
        """One line a minute at most: thousands of sessions may expire while an engine is down."""
        self._failed += 1
        now = asyncio.get_running_loop().time()
        if now - self._said >= _LOG_EVERY:
            logger.warning("the engine's side of %d sessions was not closed: %s", self._failed, why)
            self._failed, self._said = 0, now
