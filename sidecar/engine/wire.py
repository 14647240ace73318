"""A connection to the engine as far as it is only bytes: written, held back, looked at."""

import asyncio
import os
import select
from typing import cast

from sidecar.engine.outbox import Outbox

_READ_SIZE = 65536


class EngineWire(asyncio.Protocol):
    """`_request_sent`: what is written now is all there is of the request, or goes to a tunnel."""

    __slots__ = (
        "_outbox",
        "_poll",
        "_reading_paused",
        "_request_sent",
        "_transport",
        "_unsent",
    )

    _transport: asyncio.Transport

    def __init__(self, outbox: Outbox | None) -> None:
        self._outbox = outbox
        self._unsent = b""
        self._request_sent = False
        self._reading_paused = False
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
        elif self._outbox is None or not self._request_sent:
            # Pieces of a body go at once: the transport tells then when to wait (a GiB sent by the
            # outbox took 29 MiB and three times as long).
            self._transport.write(data)
        else:
            self._unsent = data
            self._outbox.add(self)

    def flush(self) -> None:
        """Write what waits for the end of the loop's pass."""
        if self._unsent:
            data, self._unsent = self._unsent, b""
            self._transport.write(data)

    def pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def is_reusable(self) -> bool:
        """Asked of an idle one. False when the engine has closed, or sent what nobody asked for.

        One poll (0.3 us; a recv with MSG_PEEK costs 1.4): an engine that closed its side 60 ms
        ago is always seen; one that closes in this very moment cannot be (RFC 9112 section 9.3.1
        forbids sending again).
        """
        if self._transport.is_closing():
            return False
        return not (self._poll or self._make_poll()).poll(0)

    def _make_poll(self) -> select.poll:
        """Not before it is wanted: 0.3 KiB, and a connection with one exchange never needs it."""
        poll = self._poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return poll

    def _left_unread(self) -> bytes:
        """Once the connection has failed: the engine may have refused the request and closed, and
        our next piece of it met the reset. What had arrived before, Linux still hands out."""
        try:
            return os.read(self._transport.get_extra_info("socket").fileno(), _READ_SIZE)
        except OSError:
            return b""
