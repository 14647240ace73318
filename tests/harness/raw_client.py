"""A client of raw bytes: sends what no HTTP library would, reads answers strictly."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

from tests.harness.strict_http import (
    Ambiguous,
    Message,
    check_status_line,
    chunks,
    counted,
    read_head,
)
from tests.harness.wire import Ending, Gone, Wire

LIMIT = 10.0


@dataclass
class Answer:
    """A final answer, with the interim ones before it."""

    message: Message
    status: int
    reason: bytes
    interim: list["Answer"] = field(default_factory=list)
    body: bytes = b""

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        return self.message.fields

    def values(self, name: bytes) -> list[bytes]:
        return self.message.values(name)


class BrokenOff(Exception):
    """The connection ended inside a body. `answer.body` is what had come."""

    def __init__(self, answer: Answer, ending: Ending) -> None:
        super().__init__(f"{answer.status} broke off with {ending} after {len(answer.body)} bytes")
        self.answer = answer
        self.ending = ending


class RawClient:
    """`async with await RawClient.connect(port) as client:`"""

    def __init__(self, sock: socket.socket, *, reading: bool = True) -> None:
        self.wire = Wire(sock, reading=reading)

    @classmethod
    async def connect(
        cls, port: int, *, reading: bool = True, receive_buffer: int | None = None
    ) -> Self:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(sock, reading=reading)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.wire.close()

    async def send(self, data: bytes, *, step: int = 0) -> None:
        await self.wire.send(data, step=step)

    async def ask(self, data: bytes, limit: float = LIMIT) -> Answer:
        """Send one request and read its answer."""
        await self.send(data)
        return await self.answer(data.partition(b" ")[0], limit)

    async def answer(self, method: bytes = b"GET", limit: float = LIMIT) -> Answer:
        answer = await self.head(limit)
        async with asyncio.timeout(limit):
            answer.body = b"".join([piece async for piece in self.body(answer, method)])
        return answer

    async def digest(self, method: bytes = b"GET", limit: float = 60.0) -> tuple[Answer, str]:
        """Like `answer` for bodies too large to keep: its sha256."""
        answer, digest = await self.head(limit), hashlib.sha256()
        async with asyncio.timeout(limit):
            async for piece in self.body(answer, method):
                digest.update(piece)
        return answer, digest.hexdigest()

    async def head(self, limit: float = LIMIT) -> Answer:
        """The head of the final answer (a 101 is final); its body is still to be read."""
        interim: list[Answer] = []
        async with asyncio.timeout(limit):
            while (answer := await self._one_head()).status < 200 and answer.status != 101:
                interim.append(answer)
        answer.interim = interim
        return answer

    async def _one_head(self) -> Answer:
        message = await read_head(self.wire)
        status, reason = check_status_line(message)
        if message.faults:
            raise Ambiguous(f"{message.faults} in {message.head[:500]!r}")
        return Answer(message, status, reason)

    async def body(self, answer: Answer, method: bytes = b"GET") -> AsyncIterator[bytes]:
        """The pieces of the body as they arrive (RFC 9112 section 6.3)."""
        message = answer.message
        if method == b"HEAD" or answer.status < 200 or answer.status in (204, 304):
            return
        if message.chunked:
            pieces = chunks(self.wire)
        elif message.size is not None:
            pieces = counted(self.wire, message.size)
        else:
            pieces = self._until_end()
        got = b""
        try:
            async for piece in pieces:
                got = (got + piece)[-65536:]
                yield piece
        except Gone as gone:
            answer.body = got + gone.rest
            raise BrokenOff(answer, gone.ending) from None

    async def _until_end(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield await self.wire.some()
        except Gone as gone:
            if gone.ending == "reset":
                raise

    async def closed(self, limit: float = LIMIT) -> Ending:
        async with asyncio.timeout(limit):
            return await self.wire.closed()
