"""Turns and who waits for them: each runs once, for whoever asks for its answer.

A turn belongs to its call, not to the connection that the call came on: an AWS SDK that has waited
for 60 s hangs up and makes the same call again, and gets the answer of the turn that still runs.
"""

import asyncio

from sidecar.dialects.agentcore.runtime.address import Turn
from sidecar.dialects.agentcore.runtime.answered import Answered
from sidecar.dialects.agentcore.runtime.record import Interrupted
from sidecar.dialects.agentcore.runtime.running import Runner, Running, cut_error
from sidecar.engine.request import EngineRequest


class Turns:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._running: set[Running] = set()
        self._named: dict[tuple[str, str], Running] = {}  # of these, those whose call has a name
        self._answered = Answered()

    def ask(self, turn: Turn, request: EngineRequest) -> tuple[Running, object]:
        """The turn of this call, which may run already, and a place among its readers.

        Raises Interrupted."""
        running = self._find(turn) or self._start(turn, request)
        return running, running.record.enter()

    def leave(self, running: Running, reader: object) -> None:
        """Its client has the answer, or has gone."""
        record = running.record
        record.leave(reader)
        if running.turn.invocation is None and not record.has_readers:
            running.cut()

    @property
    def running(self) -> int:
        return len(self._running)

    async def stop(self) -> None:
        """There is no time left: each is cut, and that is kept for whoever asks again."""
        tasks = [running.task for running in self._running if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self, key: str) -> None:
        """Cut what runs and what waits in that session."""
        for running in self._running:
            if running.turn.key == key:
                running.cut()

    def _find(self, turn: Turn) -> Running | None:
        if turn.invocation is None:
            return None
        name = (turn.key, turn.invocation)
        return self._named.get(name) or self._answered.find(name)

    def _start(self, turn: Turn, request: EngineRequest) -> Running:
        running = Running(turn, request)
        self._running.add(running)
        if turn.invocation is not None:
            self._named[turn.key, turn.invocation] = running
        running.task = asyncio.create_task(self._runner.run(running))
        running.task.add_done_callback(lambda task: self._ended(running))
        return running

    def _ended(self, running: Running) -> None:
        record, turn = running.record, running.turn
        record.finish(cut_error())  # a task that is cancelled before its first step takes none
        self._running.discard(running)
        if turn.invocation is None:
            return
        del self._named[turn.key, turn.invocation]
        # What never reached the agent is tried anew.
        if record.error is None or isinstance(record.error, Interrupted):
            self._answered.keep((turn.key, turn.invocation), running)
