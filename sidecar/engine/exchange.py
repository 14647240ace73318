"""A request and its reply, to be awaited: the sink that the aiohttp lane and the probe use."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.engine.reply import Reply
from sidecar.errors import SidecarError

# What may wait unread before the engine is told to pause: one socket buffer's worth.
_HIGH_WATER = 65536


class Exchange:
    """One use of a connection. Await `head()`, then `read()` until it gives b""."""

    def __init__(self, engine: Engine, connection: EngineConnection) -> None:
        self._engine = engine
        self._connection = connection
        self._head: Reply | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._ended = False
        self._released = False  # the connection is no longer ours
        self._error: SidecarError | None = None
        self._news: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.on_interim: Callable[[Reply], None] = lambda reply: None
        self.on_write_pressure: Callable[[bool], None] = lambda full: None

    # the caller's side

    def start(self, head: bytes, *, bodyless: bool = False, upgrade: bool = False) -> None:
        self._connection.begin(self, bodyless=bodyless, upgrade=upgrade)
        self.write(head)

    def write(self, data: bytes) -> None:
        """Write without waiting. Nothing happens once the exchange is over."""
        if not self._released:
            self._connection.write(data)

    async def send(self, data: bytes) -> None:
        """Write a piece of the request, as fast as the engine takes it."""
        self.write(data)
        if not self._writable.is_set():
            await self._writable.wait()

    def finish_request(self) -> None:
        if not self._released:
            self._connection.request_sent()

    async def head(self, limit: float | None = None) -> Reply:
        """The reply's head. Raises EngineError, or what `fail` was called with."""
        try:
            async with asyncio.timeout(limit):
                while self._head is None:
                    await self._wait()
        except TimeoutError:
            raise self._engine.too_slow(limit or 0) from None
        if self._error is not None:  # it broke at once: nothing need be said of its head
            raise self._error
        return self._head

    async def read(self) -> bytes:
        """What has arrived of the body, at least one byte; b"" at its end. Raises EngineError."""
        while not self._body and not self._ended:
            await self._wait()
        return self.read_nowait()

    def read_nowait(self) -> bytes:
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._size = 0
        if not self._released:
            self._connection.resume_reading()
        return data

    @property
    def at_end(self) -> bool:
        """True when the reply is complete and read."""
        return self._ended and not self._body

    def fail(self, error: SidecarError) -> None:
        """Wake whoever waits for the reply with an error of the client's side."""
        self._error = error
        self._wake()

    async def part(self, limit: float) -> None:
        """Leave, and wait until the engine has noticed or has said all; `limit` in seconds.

        Harmless when the exchange is over. Our side is closed (TCP's FIN) but not the engine's: it
        ends its own when it has stopped, which a reset would never let us see.
        """
        if self._released:
            return
        self._connection.end_request()
        with suppress(TimeoutError, SidecarError):
            async with asyncio.timeout(limit):
                while not self._ended:
                    await self._wait()
                    self.read_nowait()

    def abort(self) -> None:
        """Leave; harmless when the exchange is over."""
        if not self._released:
            self._released = True
            self._connection.abort()
        self._writable.set()

    # the connection's side

    def on_head(self, reply: Reply) -> None:
        self._head = reply
        self._wake()

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._size += len(data)
        if self._size > _HIGH_WATER:
            self._connection.pause_reading()
        self._wake()

    def on_whole(self, reply: Reply, body: bytes) -> None:
        self._head = reply
        if body:
            self._body.append(body)
        self.on_end()

    def on_segment(self) -> None:
        pass

    def on_end(self) -> None:
        self._ended = self._released = True
        self._writable.set()
        self._wake()

    def on_fault(self, reason: str) -> None:
        self._released = True
        self._error = self._engine.fault(reason)
        self._writable.set()
        self._wake()

    def on_writable(self, writable: bool) -> None:
        self.on_write_pressure(not writable)
        if writable:
            self._writable.set()
        else:
            self._writable.clear()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        finally:
            self._news = None

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
