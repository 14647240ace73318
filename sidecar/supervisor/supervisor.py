"""The lives of the engine: started, watched, started again within the budget, stopped in time."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sidecar.ops.log import write_event
from sidecar.supervisor.budget import Budget
from sidecar.supervisor.child import CannotStart, Child

_LOOK_EVERY = 1.0


class Supervisor:
    """State: the child of now, the restarts so far, and once it is to stop, until when.

    grace: for what an engine that ended by itself has left behind, and after a second signal.
    is_wanted: whether an engine that has ended is missed. is_ready: whether it serves.
    on_change: it was started, or it has ended.
    forget: what an engine knew is lost; awaited before the first start and after each end.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        budget: Budget,
        *,
        grace: float,
        is_wanted: Callable[[], bool],
        is_ready: Callable[[], bool],
        on_change: Callable[[], None],
        forget: Callable[[], Awaitable[None]],
    ) -> None:
        self._command = command
        self._budget = budget
        self._grace = grace
        self._is_wanted = is_wanted
        self._is_ready = is_ready
        self._on_change = on_change
        self._forget = forget
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        self.restarts = 0

    async def run(self) -> int:
        """Until the engine is not started any more. Returns the exit code, as a shell has it."""
        await self._forget()
        code = 0
        while not self._stopping.is_set():
            try:
                code, ready_for = await self._live()
            except CannotStart as error:
                print(error, file=sys.stderr)
                code, ready_for = error.exit_code, 0.0
                if error.is_final:
                    break
            if not await self._may_go_on(code, ready_for):
                break
        return code

    def stop(self, deadline: float, hurried: asyncio.Event) -> None:
        """SIGTERM now, and the kill at that time of time.monotonic(). `run` returns after it."""
        self._deadline = deadline
        self._hurried = hurried
        self._stopping.set()

    def signal(self, number: int) -> None:
        """Pass it on."""
        if self._child is not None:
            self._child.signal(number)

    async def _live(self) -> tuple[int, float]:
        """One life. Returns how it ended, and for how long the engine had been ready then."""
        child = Child(self._command, self._grace)
        await child.start()
        write_event("engine_started", pid=child.pid, program=self._command[0])
        self._child = child
        self._on_change()
        stopper = asyncio.create_task(self._stop_when_asked(child))
        ready_for = await self._watch(child)
        self._child = None
        self._on_change()
        await child.cleared()
        stopper.cancel()
        return _exit_code(await child.ended()), ready_for

    async def _watch(self, child: Child) -> float:
        ended = asyncio.create_task(child.ended())
        since = None
        while not (await asyncio.wait({ended}, timeout=_LOOK_EVERY))[0]:
            since = (since or time.monotonic()) if self._is_ready() else None
        return time.monotonic() - since if since else 0.0

    async def _stop_when_asked(self, child: Child) -> None:
        await self._stopping.wait()
        child.stop(self._deadline - time.monotonic())
        await self._hurried.wait()
        child.stop(self._grace)

    async def _may_go_on(self, code: int, ready_for: float) -> bool:
        """False if it is not to be started again; else after the pause."""
        if self._stopping.is_set():
            write_event("engine_ended", exit_code=code)
            return False
        pause = self._budget.pause(ready_for) if self._is_wanted() else None
        write_event("engine_ended", level="error", exit_code=code, restart_in=pause)
        if pause is None:
            return False
        await self._forget()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._stopping.wait()
        if self._stopping.is_set() or not self._is_wanted():
            return False
        self.restarts += 1
        return True


def _exit_code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode
