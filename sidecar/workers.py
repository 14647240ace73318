"""Several processes on one data port: started, watched, restarted, drained together.

The kernel spreads connections over their listeners (SO_REUSEPORT, socket(7)). Sessions are on the
file system, so every worker sees all of them, and the store lets one process sweep. This process
starts no listener for data.
"""

import asyncio
import json
import logging
import pickle
import signal
import socket
import sys
import time
from contextlib import suppress

from sidecar.config import Settings
from sidecar.control import FIGURES, LISTENING
from sidecar.ops.figures import Figures, added
from sidecar.ops.replicas import without_present

logger = logging.getLogger("sidecar.workers")

_START_SECONDS = 30.0
_ANSWER_SECONDS = 1.0
# Behind the drain's own limit: the last requests are cut and logged.
_LAST_SECONDS = 3.0
# A worker that keeps crashing is started again at growing intervals.
_FIRST_PAUSE, _LONGEST_PAUSE, _STABLE_SECONDS = 0.1, 5.0, 60.0


class Worker:
    """One child process, and the socket by which it is told its settings and asked."""

    def __init__(self, number: int, settings: Settings) -> None:
        self.number = number
        self._settings = settings
        self._pause = _FIRST_PAUSE
        self._known: Figures | None = None
        self._past: Figures | None = None

    async def start(self) -> bool:
        """True once it listens; False when it ended instead. It has said why."""
        self._listens = False
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own: Ctrl-C in a terminal is for us to pass on, once.
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                # A module of ours is never taken from the working directory; nor, in an image,
                # from an engine's PYTHONPATH.
                "-I" if sys.flags.isolated else "-P",
                "-m",
                "sidecar.worker",
                stdin=theirs.fileno(),
                start_new_session=True,
            )
        self._started = time.monotonic()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        data = pickle.dumps(self._settings)
        self._writer.write(len(data).to_bytes(4, "big") + data)
        self._listens = await self._line(_START_SECONDS) == LISTENING
        return self._listens

    async def figures(self) -> Figures | None:
        """What it has counted, with what its forerunners had; the last known if it is too busy."""
        if self._listens:
            self._writer.write(FIGURES)
            if line := await self._line(_ANSWER_SECONDS):
                self._known = json.loads(line)
        if self._past is None or self._known is None:
            return self._known or self._past
        total: Figures = added(self._past, self._known)
        return total

    def close_books(self) -> None:
        """It has ended: what is known of it still counts, so that no sum ever falls."""
        self._listens = False
        known = self._known
        if known is not None:
            known = known | {"in_flight": 0, "connections": 0}
            known["replicas"] = without_present(known["replicas"])
            self._past = known if self._past is None else added(self._past, known)
        self._known = None

    async def ended(self) -> int:
        return await self._process.wait()

    async def pause(self) -> None:
        """Wait before the next start, the longer the more often it has crashed."""
        if time.monotonic() - self._started > _STABLE_SECONDS:
            self._pause = _FIRST_PAUSE
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _line(self, limit: float) -> bytes:
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(limit):
                return await self._reader.readline()
        return b""


class Workers:
    """All of them. `settings.port` is the port they share, which is not 0."""

    def __init__(self, settings: Settings) -> None:
        private = settings.model_copy(update={"admin_port": None})
        self._limit = settings.drain_seconds + _LAST_SECONDS
        self._all = [Worker(number, private) for number in range(settings.workers)]
        self._watches: list[asyncio.Task[int]] = []
        self._stopping = False
        self._asking = asyncio.Lock()

    async def start(self) -> bool:
        """True when all of them listen; if one does not, none is left."""
        if all(await asyncio.gather(*(worker.start() for worker in self._all))):
            self._watches = [asyncio.create_task(self._watch(worker)) for worker in self._all]
            return True
        for worker in self._all:
            worker.signal(signal.SIGKILL)
        await asyncio.gather(*(worker.ended() for worker in self._all))
        return False

    async def stop(self, hurried: asyncio.Event) -> int:
        """Drain all. Returns the exit code."""
        self._stopping = True
        self._signal_all(signal.SIGTERM)
        hurry = asyncio.create_task(self._hurry(hurried))
        done, late = await asyncio.wait(self._watches, timeout=self._limit)
        hurry.cancel()
        if late:
            self._signal_all(signal.SIGKILL)
            await asyncio.wait(late)
        return max((task.result() for task in done), default=0) if not late else 1

    async def figures(self) -> list[Figures]:
        async with self._asking:
            answers = await asyncio.gather(*(worker.figures() for worker in self._all))
        return [answer for answer in answers if answer is not None]

    async def _watch(self, worker: Worker) -> int:
        """Start it again whenever it ends unasked. Returns 0 when it ended well."""
        while True:
            code = await worker.ended()
            if self._stopping:  # one that is still starting has no handler for the signal
                return int(code not in (0, -signal.SIGTERM))
            logger.error("worker %d ended (%d): it is started again", worker.number, code)
            worker.close_books()
            await worker.pause()
            if not self._stopping:
                await worker.start()

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._all:
            worker.signal(number)

    async def _hurry(self, hurried: asyncio.Event) -> None:
        await hurried.wait()
        self._signal_all(signal.SIGTERM)


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds the port for listeners with SO_REUSEPORT, and takes no connection.

    Raises OSError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _refuse_a_listener(family, host, port)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
    except OSError:
        holder.close()
        raise
    return holder


def _refuse_a_listener(family: socket.AddressFamily, host: str, port: int) -> None:
    """Another sidecar with workers would let us in on its port: it must look taken."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
