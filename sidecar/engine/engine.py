"""One engine as the rest of the sidecar sees it: an address, its connections, its readiness."""

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from sidecar.config import EngineAddress
from sidecar.engine.connection import EngineConnection
from sidecar.engine.ejection import Ejection
from sidecar.engine.outage import Outage
from sidecar.engine.outbox import Outbox
from sidecar.engine.owner import Owner
from sidecar.engine.replies import Replies
from sidecar.engine.reply import Reply
from sidecar.errors import EngineError, EngineNotReady, EngineTimeout, NoDescriptors
from sidecar.headers import Vocabulary

# llama.cpp's server promises, at the head of an event stream, to keep the connection, and closes it
# right behind the stream's end. A close that is 60 ms old is always seen before the next use.
_REST_SECONDS = 0.06
# What connect(2) says where no process listens: at a port, at a socket.
_NOBODY_THERE = (errno.ECONNREFUSED, errno.ENOENT)

# Seconds until a Unix socket is tried again that had no room. A try takes 50 us: five a second of a
# thousand requests are a quarter of a core.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2


class Engine:
    """All mutable state: the connections, the idle ones also newest last, and what is known of the
    engine's health.

    outage: where it is one of several; then its answers are noted. `header` is added to them.
    """

    def __init__(
        self,
        address: EngineAddress,
        vocabulary: Vocabulary,
        *,
        connect_timeout: float,
        idle_limit: float,
        outage: Outage | None = None,
        header: tuple[str, str] | None = None,
    ) -> None:
        self.address = address
        self.ready = False
        self.outage = outage
        self.name = str(address) if outage is not None else None  # where it is one of several
        self.header = header
        self.ejection = Ejection()
        self.on_unreachable: Callable[[], None] = lambda: None
        self.host_header = "localhost" if address.path else str(address).partition("//")[2]
        self._replies = Replies(vocabulary, header)
        self._connect_timeout = connect_timeout
        self._idle_limit = idle_limit
        self._open: set[EngineConnection] = set()
        self._connecting = 0
        self._idle: list[EngineConnection] = []
        self._outbox = Outbox()
        self._owner: Owner | None = None  # of the connections, once there is one
        self._resting: deque[EngineConnection] = deque()

    @property
    def in_flight(self) -> int:
        """Connections in use, tunnels too, and those being made; probes apart. It is a difference
        of what there is, so that it cannot drift and costs a request nothing."""
        return self._connecting + len(self._open) - len(self._idle) - len(self._resting)

    def take_idle(self) -> EngineConnection | None:
        """The idle connection used last, if one may still be used."""
        now = time.monotonic()
        oldest = now - self._idle_limit
        if self._resting:
            self._wake_rested(now)
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since >= oldest and connection.is_reusable():
                return connection
            connection.abort()
        return None

    async def connect(self) -> EngineConnection:
        """A fresh connection. Raises EngineError (down), EngineNotReady or EngineTimeout."""
        self._connecting += 1
        try:
            connection = await self._connect(self._make_connection)
        except NoDescriptors:
            raise
        except EngineError:
            self.ejection.note_no_connection()
            raise
        finally:
            self._connecting -= 1
        if not connection.is_closed:  # or else it is lost already
            self._open.add(connection)
        return connection

    async def knock(self) -> EngineConnection:
        """A connection for a probe, of which no count is kept. Raises the same."""
        return await self._connect(self._make_plain_connection)

    async def _connect(self, make: Callable[[], EngineConnection]) -> EngineConnection:
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await self._dial(make)
        except TimeoutError:
            raise EngineTimeout(
                f"the engine at {self.address} did not accept a connection within "
                f"{self._connect_timeout:g} s: check that it is not overloaded"
            ) from None
        except UnicodeError as error:  # a host that is no name at all
            raise self._unreachable(str(error)) from None
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise NoDescriptors("the sidecar has no descriptors left: try again") from None
            unreachable = self._unreachable(error.strerror or str(error))
            unreachable.is_gone = error.errno in _NOBODY_THERE
            raise unreachable from None

    async def _dial(self, make: Callable[[], EngineConnection]) -> EngineConnection:
        loop = asyncio.get_running_loop()
        host, port, path = self.address.host, self.address.port, self.address.path
        if path is None:
            return (await loop.create_connection(make, host, port))[1]
        pause = _FIRST_PAUSE
        while True:
            # A Unix socket with too many waiting to be let in says so at once (connect(2), EAGAIN),
            # where TCP would go on trying.
            with suppress(BlockingIOError):
                return (await loop.create_unix_connection(make, path))[1]
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def connection(self) -> EngineConnection:
        return self.take_idle() or await self.connect()

    def fault(self, reason: str) -> EngineError:
        """What went wrong after a connection was made; reason: `closed the connection …`."""
        return EngineError(f"the engine at {self.address} {reason}: see the engine's own log")

    def too_slow(self, limit: float) -> EngineTimeout:
        return EngineTimeout(
            f"the engine at {self.address} did not answer within {limit:g} s: "
            "it may be overloaded, or SIDECAR_ENGINE_RESPONSE_TIMEOUT is too short"
        )

    def drop_stale(self) -> None:
        """Close what has been idle too long; called by a coarse timer."""
        now = time.monotonic()
        self._wake_rested(now)
        oldest = now - self._idle_limit
        stale = [connection for connection in self._idle if connection.idle_since < oldest]
        for connection in stale:
            self._idle.remove(connection)
            connection.abort()

    def close(self) -> None:
        self._idle += self._resting
        self._resting.clear()
        while self._idle:
            self._idle.pop().abort()

    def _wake_rested(self, now: float) -> None:
        while self._resting and now - self._resting[0].idle_since > _REST_SECONDS:
            self._idle.append(self._resting.popleft())

    def _make_connection(self) -> EngineConnection:
        if self._owner is None:
            read = self._replies.read if self.outage is None else self._read_and_note
            note_break = self.ejection.note_break
            self._owner = Owner(read, self._keep, note_break, self._lose, self._outbox)
        return EngineConnection(self._owner)

    def _make_plain_connection(self) -> EngineConnection:
        return EngineConnection(
            Owner(self._replies.read_anew, EngineConnection.abort, _nothing, _nothing)
        )

    def _read_and_note(self, head: bytes) -> Reply:
        reply = self._replies.read(head)
        if not reply.is_interim:
            self.ejection.note_answer(reply.status)
        return reply

    def _keep(self, connection: EngineConnection) -> None:
        connection.idle_since = time.monotonic()
        if connection.streamed:
            self._resting.append(connection)
        else:
            self._idle.append(connection)

    def _lose(self, connection: EngineConnection) -> None:
        self._open.discard(connection)
        for kept in (self._idle, self._resting):
            if connection in kept:
                kept.remove(connection)

    def _unreachable(self, reason: str) -> EngineError:
        if not self.ready:
            return EngineNotReady(
                f"the engine at {self.address} is not ready ({reason}): "
                "wait until it has started, or check SIDECAR_ENGINE_URL"
            )
        self.on_unreachable()
        return EngineError(
            f"the engine at {self.address} cannot be reached ({reason}): "
            "check that it is running, or SIDECAR_ENGINE_URL"
        )


def _nothing(*_: object) -> None:
    """A probe draws its own conclusions."""
