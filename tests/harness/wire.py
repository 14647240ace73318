"""One end of a TCP connection that shows every byte, and how the other side ended it.

Plain sockets instead of asyncio transports: after a reset Linux still hands out what had arrived
before it, while a transport that fails to write throws it away (seen on Linux 6, CPython 3.11).
"""

import asyncio
import contextlib
import socket
import struct
from typing import Literal

Ending = Literal["end", "reset"]

READ_SIZE = 256 * 1024
BUFFER_LIMIT = 4 * READ_SIZE
SEGMENT_PAUSE = 0.0003


class Gone(Exception):
    """The other side ended the connection before the bytes that were waited for."""

    def __init__(self, ending: Ending, rest: bytes) -> None:
        super().__init__(f"{ending} with {rest[:200]!r} left over")
        self.ending = ending
        self.rest = rest


class Wire:
    def __init__(self, sock: socket.socket, *, reading: bool = True) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self.buffer = bytearray()
        self.ending: Ending | None = None
        self.ended_at = 0.0
        self.gone = asyncio.Event()
        if reading:
            self.read_on()

    def read_on(self) -> None:
        """Start to empty the socket; a wire made with `reading=False` leaves all in the kernel."""
        self._pump = asyncio.create_task(self._fill())

    def pause(self) -> None:
        """Read no more until `read_on`."""
        assert self._pump is not None
        self._pump.cancel()

    async def _fill(self) -> None:
        while True:
            try:
                data = await self._loop.sock_recv(self._socket, READ_SIZE)
            except (ConnectionResetError, BrokenPipeError):
                return self._end("reset")
            if not data:
                return self._end("end")
            self.buffer += data
            self._changed.set()
            while len(self.buffer) > BUFFER_LIMIT:
                self._drained.clear()
                await self._drained.wait()

    def _end(self, ending: Ending) -> None:
        # A failed send takes the reset away, and the next read then looks like a clean end.
        self.ending = self.ending or ending
        self.ended_at = self._loop.time()
        self.gone.set()
        self._changed.set()

    async def _more(self) -> None:
        if self.gone.is_set():
            assert self.ending is not None
            raise Gone(self.ending, bytes(self.buffer))
        self._changed.clear()
        await self._changed.wait()

    def _cut(self, size: int) -> bytes:
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        self._drained.set()
        return piece

    async def until(self, separator: bytes, limit: int = 2**25) -> bytes:
        """Everything up to and with the separator."""
        searched = 0
        while (found := self.buffer.find(separator, searched)) < 0:
            assert len(self.buffer) <= limit, f"no {separator!r} in {limit} bytes"
            searched = max(0, len(self.buffer) - len(separator) + 1)
            await self._more()
        return self._cut(found + len(separator))

    async def some(self, limit: int = READ_SIZE) -> bytes:
        """What is there, at least one byte."""
        while not self.buffer:
            await self._more()
        return self._cut(limit)

    async def exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            data += await self.some(size - len(data))
        return bytes(data)

    async def closed(self) -> Ending:
        """How the other side ended; what it still says is dropped."""
        while True:
            try:
                await self.some()
            except Gone as gone:
                return gone.ending

    async def send(self, data: bytes, *, step: int = 0) -> None:
        """All at once, or `step` bytes a segment. Sending to one who has left is no error."""
        pieces = [data[at : at + step] for at in range(0, len(data), step)] if step else [data]
        try:
            for piece in pieces:
                await self._loop.sock_sendall(self._socket, piece)
                if step:
                    await asyncio.sleep(SEGMENT_PAUSE)
        except (ConnectionResetError, BrokenPipeError):
            self.ending = self.ending or "reset"

    def finish(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        self._socket.close()

    async def reset(self) -> None:
        """Close so that the other side sees ECONNRESET (SO_LINGER 0, socket(7))."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.close()
