"""A client's connection in the express lane as far as it is only bytes: written, held, ended."""

import asyncio
import sys
from typing import cast

from sidecar.dialects.intent import Answer
from sidecar.proxy.pace import Pace
from sidecar.proxy.wire import answer_bytes


class ClientWire(asyncio.Protocol):
    __slots__ = ("_held", "_write_paused", "client", "pace", "transport")

    def __init__(self) -> None:
        self.pace = Pace()
        self.transport: asyncio.Transport | None = None
        self.client = "-"
        self._held = False
        self._write_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.client = sys.intern(peer[0])  # clients have many connections

    @property
    def is_held(self) -> bool:
        return self._held

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def hold_reading(self, hold: bool) -> None:
        if hold != self._held and self.transport is not None:
            self._held = hold
            (self.transport.pause_reading if hold else self.transport.resume_reading)()

    def say_last(self, answer: Answer) -> None:
        self.write(answer_bytes(answer, close=True))
        self._end()

    @property
    def _is_closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def _end(self) -> None:
        """Say no more, but read and drop what still comes, for a while.

        Closing with unread bytes would reset the connection, and the client could lose the answer
        (RFC 9112 section 9.6).
        """
        self.pace.end()
        if self.transport is not None:
            self.transport.write_eof()
            self.hold_reading(False)
