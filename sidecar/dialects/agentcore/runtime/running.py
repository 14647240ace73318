"""One turn that runs: when its time has come, once, while its session lives and somebody waits."""

import asyncio
import logging
import uuid
from typing import Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.runtime import agent
from sidecar.dialects.agentcore.runtime.address import Turn
from sidecar.dialects.agentcore.runtime.kept import Kept
from sidecar.dialects.agentcore.runtime.record import Interrupted, Record
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound, SidecarError
from sidecar.sessions.order import Order
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar.agentcore")

# Between two attempts of one call an AWS SDK waits for 20 s at most.
GRACE: Final = 30.0


class Running:
    """`has_begun`: its time has come, or it was never there to come."""

    def __init__(self, turn: Turn, request: EngineRequest) -> None:
        self.turn = turn
        self.request = request
        self.record = Record()
        self.has_begun = False
        self.task: asyncio.Task[None] | None = None

    def cut(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Runner:
    """waits: turns of one session that wait behind the one that runs; more are throttled.
    within: seconds until an agent's answer must begin."""

    def __init__(
        self,
        store: Store,
        sessions: RuntimeSessions,
        clock: Clock,
        *,
        waits: int,
        within: float | None,
    ) -> None:
        self._sessions = sessions
        self._within = within
        self._order = Order(store, waits)
        self._kept = Kept(store, clock)

    async def run(self, running: Running) -> None:
        """Its record is complete afterwards, whatever happens. Raises nothing."""
        error: SidecarError | None = None
        try:
            session = await self._sessions.ensure(running.turn.key)
            watch = asyncio.create_task(self._watch(running, session))
            try:
                await self._in_order(running, session)
            finally:
                watch.cancel()
        except (asyncio.CancelledError, SessionNotFound):
            error = cut_error()
        except SidecarError as failure:
            error = failure
        except Exception:
            logger.exception("a fault of the sidecar")
            error = Interrupted("the sidecar failed; its log says where")
        running.record.finish(error)

    async def _in_order(self, running: Running, session: Session) -> None:
        turn = running.turn
        async with self._order.turn(turn.key):
            running.has_begun = True
            session = await self._sessions.still(session)
            if turn.invocation is None:
                await self._ask(running, session)
                return
            found = await self._kept.find(turn.key, turn.invocation)
            if found is not None:
                running.record.repeat(*found)
                return
            await self._run_once(running, session, turn.invocation)

    async def _run_once(self, running: Running, session: Session, invocation: str) -> None:
        entry = await self._kept.begin(session.id, invocation)
        error: SidecarError | None = cut_error()
        try:
            await self._ask(running, session)
            error = None
        except SidecarError as failure:
            error = failure
            raise
        finally:
            if error is None or isinstance(error, Interrupted):
                await self._kept.finish(session.id, entry, running.record, error)
            else:  # the agent was not reached: another attempt may succeed
                await self._kept.withdraw(session.id, entry)

    async def _ask(self, running: Running, session: Session) -> None:
        engine = self._sessions.engine(session)
        await agent.run(engine, running.request, running.record, within=self._within)

    async def _watch(self, running: Running, session: Session) -> None:
        """A session is not idle while a turn waits or runs; one that is stopped elsewhere is cut
        here, and so is a turn that nobody asks for any more, at whatever worker."""
        alone, last = 0.0, None
        while True:
            await asyncio.sleep(self._sessions.beat)
            alone = 0.0 if running.record.has_readers else alone + self._sessions.beat
            try:
                await self._sessions.still(session)
                if running.turn.invocation is None:
                    continue
                if not running.has_begun and running.record.has_readers:
                    await self._kept.ask(session.id, running.turn.invocation, uuid.uuid4().hex)
                if alone >= GRACE:
                    asked = await self._kept.asked(session.id, running.turn.invocation)
                    if asked is None or asked == last:
                        running.cut()
                        return
                    alone, last = 0.0, asked
            except SessionNotFound:
                running.cut()
                return
            except SidecarError:
                continue  # the store will be back


def cut_error() -> Interrupted:
    return Interrupted("the turn was cut: its session has ended, or nobody waited for the answer")
