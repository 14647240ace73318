"""Turns that run: each once, one after the other in a session, whoever waits for their answer.

A turn belongs to its call, not to the connection that the call came on: an AWS SDK that has waited
for 60 s hangs up and makes the same call again, and gets the answer of the turn that still runs.
"""

import asyncio
import logging
from collections import OrderedDict
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
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar.agentcore")

# Turns of one session that wait; more are throttled, and the SDKs send them again.
_WAITING: Final = 64
# Between two attempts of one call an AWS SDK waits for 20 s at most.
_GRACE: Final = 30.0
_BEAT: Final = 1.0
# Answers in memory for another attempt; those up to 1 MiB are in the store, too.
_REMEMBERED: Final = 64 << 20
_MOST: Final = 10_000


class Running:
    """One turn, from its first request to the time that nobody asks for it any more."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.record = Record()
        self.task: asyncio.Task[None] | None = None

    def cut(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Turns:
    def __init__(self, store: Store, sessions: RuntimeSessions, clock: Clock) -> None:
        self._sessions = sessions
        self._order = Order(store, _WAITING)
        self._kept = Kept(store, clock)
        self._running: set[Running] = set()
        self._named: dict[tuple[str, str], Running] = {}  # of these, those whose call has a name
        self._answered: OrderedDict[tuple[str, str], Running] = OrderedDict()
        self._size = 0  # of the answers in it

    def ask(self, turn: Turn, request: EngineRequest) -> tuple[Running, object]:
        """The turn of this call, which may run already, and a place among its readers."""
        name = (turn.key, turn.invocation or "")
        running = self._named.get(name) or self._answered.get(name)
        if running is None:
            running = Running(turn)
            running.task = asyncio.create_task(self._run(running, request))
            self._running.add(running)
            running.task.add_done_callback(lambda task: self._running.discard(running))
            if turn.invocation:
                self._named[name] = running
        return running, running.record.enter()

    def leave(self, running: Running, reader: object) -> None:
        """Its client has the answer, or has gone."""
        record = running.record
        record.leave(reader)
        if record.finished or record.has_readers:
            return
        if running.turn.invocation is None:
            running.cut()
        else:
            asyncio.get_running_loop().call_later(_GRACE, self._give_up, running)

    def stop(self, key: str) -> None:
        """Cut what runs and what waits in that session."""
        for running in list(self._running):
            if running.turn.key == key:
                running.cut()

    def _give_up(self, running: Running) -> None:
        if not running.record.has_readers:
            running.cut()

    async def _run(self, running: Running, request: EngineRequest) -> None:
        record = running.record
        error: SidecarError | None = None
        try:
            await self._in_order(running, request)
        except (asyncio.CancelledError, SessionNotFound):
            error = _cut()
        except SidecarError as failure:
            error = failure
        except Exception:
            logger.exception("a fault of the sidecar")
            error = Interrupted("the sidecar failed; its log says where")
        record.finish(error)
        self._remember(running, error)

    async def _in_order(self, running: Running, request: EngineRequest) -> None:
        turn = running.turn
        await self._sessions.ensure(turn.key)
        async with self._order.turn(turn.key):
            found = await self._kept.find(turn.key, turn.invocation) if turn.invocation else None
            if found is not None and found.start is not None:
                running.record.begin(found.start)
                running.record.pieces += found.pieces
                return
            beat = asyncio.create_task(self._beat(running))
            try:
                await self._run_once(running, request)
            finally:
                beat.cancel()

    async def _run_once(self, running: Running, request: EngineRequest) -> None:
        turn, record = running.turn, running.record
        engine = self._sessions.engine(await self._sessions.ensure(turn.key))
        if turn.invocation is None:
            await agent.run(engine, request, record)
            return
        entry = await self._kept.begin(turn.key, turn.invocation)
        error: Interrupted | None = _cut()
        try:
            await agent.run(engine, request, record)
            error = None
        except Interrupted as failure:
            error = failure
            raise
        except SidecarError:  # the agent was not reached: another attempt may succeed
            await self._kept.withdraw(turn.key, entry)
            entry = ""
            raise
        finally:
            if entry:
                await self._kept.finish(turn.key, entry, record, error)

    async def _beat(self, running: Running) -> None:
        """A session is not idle while a turn runs; one that is stopped elsewhere is cut here."""
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await self._sessions.touch(running.turn.key)
            except SessionNotFound:
                running.cut()
                return
            except SidecarError:
                continue  # the store will be back

    def _remember(self, running: Running, error: SidecarError | None) -> None:
        """For another attempt of the same call; not what never reached the agent."""
        if running.turn.invocation is None:
            return
        name = (running.turn.key, running.turn.invocation)
        del self._named[name]
        if error is not None and not isinstance(error, Interrupted):
            return
        self._answered[name] = running
        self._size += running.record.size
        while self._size > _REMEMBERED or len(self._answered) > _MOST:
            _, oldest = self._answered.popitem(last=False)
            self._size -= oldest.record.size


def _cut() -> Interrupted:
    return Interrupted("the turn was cut: its session was stopped, or nobody waited for the answer")
