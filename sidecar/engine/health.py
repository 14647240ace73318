"""Whether the engine is ready, asked in the background so that nobody waits for it."""

import asyncio
import logging
from contextlib import suppress

from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.outage import Condition
from sidecar.errors import EngineError, EngineTimeout, NoDescriptors

logger = logging.getLogger("sidecar.engine")

PATHS = ("/ping", "/health", "/v2/health/ready")
_TRY_NEXT = (401, 403, 404, 405)
_LIMIT = 2.0
_INTERVAL = 1.0
_INTERVAL_IN_DOUBT = 0.5
# One slow answer is an engine at work. /ping must follow a hung one within 6 s, and does so after
# an interval, a time-out, an interval in doubt, a time-out: 1 + 2 + 0.5 + 2.
_TIMEOUTS_ALLOWED = 1


class Prober:
    """Keeps `engine.ready` true to life. The first path that answers 2xx is kept."""

    def __init__(self, engine: Engine, path: str | None) -> None:
        self._engine = engine
        self._configured = path
        self._path = path
        self._timeouts = 0
        self._again = asyncio.Event()
        engine.on_unreachable = self._again.set

    async def run(self) -> None:
        """Probe for ever."""
        while True:
            self._again.clear()
            self._note(await self._probe())
            in_doubt = self._timeouts or not self._engine.ready
            with suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL_IN_DOUBT if in_doubt else _INTERVAL):
                    await self._again.wait()

    def _note(self, found: Condition | None) -> None:
        """None: the engine took too long, which once is forgiven."""
        engine = self._engine
        self._timeouts = self._timeouts + 1 if found is None else 0
        if found is None:
            may_be = engine.ready and self._timeouts <= _TIMEOUTS_ALLOWED
            found = Condition.READY if may_be else Condition.UNWELL
        elif found is Condition.READY:
            engine.ejection.note_connection()
        if engine.outage is not None:
            engine.outage.note(found)
        ready = found is Condition.READY
        if ready != engine.ready:
            engine.ready = ready
            word = "ready" if ready else "not ready"
            logger.info("the engine at %s is %s", engine.address, word)

    async def _probe(self) -> Condition | None:
        try:
            ready = await (self._ask_kept() if self._path is not None else self._discover())
        except (TimeoutError, EngineTimeout):
            return None
        except NoDescriptors:
            ready = self._engine.ready
        except EngineError as error:
            return Condition.GONE if error.is_gone else Condition.UNWELL
        return Condition.READY if ready else Condition.UNWELL

    async def _ask_kept(self) -> bool:
        assert self._path is not None
        status = await self._status(self._path)
        if status in _TRY_NEXT and self._configured is None:
            self._path = None
            return await self._discover()
        return 200 <= status < 300

    async def _discover(self) -> bool:
        for path in PATHS:
            status = await self._status(path)
            if 200 <= status < 300:
                self._path = path
                return True
            if status >= 500:
                return False
        return True  # it takes connections and has no health path: more cannot be known

    async def _status(self, path: str) -> int:
        async with asyncio.timeout(_LIMIT):
            exchange = Exchange(self._engine, await self._engine.knock())
            try:
                exchange.start(
                    f"GET {path} HTTP/1.1\r\nHost: {self._engine.host_header}\r\n"
                    "Connection: close\r\nUser-Agent: session-sidecar\r\n\r\n".encode()
                )
                return (await exchange.head()).status
            finally:
                exchange.abort()
