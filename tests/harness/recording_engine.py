"""An engine that remembers the exact bytes it got and answers as each test tells it to.

`GET /ping` is the sidecar's own probe: answered, never recorded.
"""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.harness.strict_http import (
    Ambiguous,
    Message,
    check_request_line,
    chunks,
    counted,
    read_head,
)
from tests.harness.wire import Gone, Wire

KEPT_BODY = 2**20
PONG = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Record:
    """One request as it came in. `complete` is true once its body has been read to the end."""

    message: Message
    method: bytes
    target: bytes
    version: bytes
    connection: int
    wire: Wire
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    sha256: str = ""
    complete: bool = False

    @property
    def faults(self) -> list[str]:
        return self.message.faults

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        return self.message.fields

    def values(self, name: bytes) -> list[bytes]:
        return self.message.values(name)


class Exchange:
    """What a behaviour has in hand: the record, and the connection to answer on."""

    def __init__(self, record: Record, wire: Wire) -> None:
        self.record = record
        self.wire = wire
        self.keep_alive = True

    async def read_body(self) -> None:
        message, record, digest = self.record.message, self.record, hashlib.sha256()
        body = chunks(self.wire) if message.chunked else counted(self.wire, message.size or 0)
        async for piece in body:
            digest.update(piece)
            record.size += len(piece)
            record.body += piece[: KEPT_BODY - len(record.body)]
        record.sha256 = digest.hexdigest()
        record.complete = True
        if self.wire.buffer:
            record.faults.append(f"bytes behind the request: {bytes(self.wire.buffer[:80])!r}")

    async def send(self, data: bytes) -> None:
        await self.wire.send(data)

    async def reply(self, body: bytes = b"", *lines: bytes, status: bytes = b"200 OK") -> None:
        head = b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)))
        await self.send(head + b"\r\n\r\n" + (b"" if self.record.method == b"HEAD" else body))

    async def close(self) -> None:
        self.keep_alive = False
        await self.wire.close()

    async def reset(self) -> None:
        self.keep_alive = False
        await self.wire.reset()


Behaviour = Callable[[Exchange], Awaitable[None]]


async def say_ok(exchange: Exchange) -> None:
    """The usual answer; it names the target, so that mixed-up answers show."""
    await exchange.read_body()
    await exchange.reply(b"ok " + exchange.record.target, b"Content-Type: text/plain")


class RecordingEngine:
    """`async with RecordingEngine() as engine:`; `engine.on(b"/path", behaviour)` to choose."""

    def __init__(self, default: Behaviour = say_ok) -> None:
        self.default = default
        self.records: list[Record] = []
        self.wires: list[Wire] = []
        self.strays: list[str] = []  # what came and was no request
        self._news = asyncio.Event()
        self._behaviours: dict[bytes, Behaviour] = {}
        self._conversations: set[asyncio.Task[None]] = set()

    def on(self, path: bytes, behaviour: Behaviour) -> None:
        self._behaviours[path] = behaviour

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, path: bytes) -> list[Record]:
        return [record for record in self.records if record.target.partition(b"?")[0] == path]

    async def arrived(self, path: bytes, limit: float = 10.0) -> Record:
        """The newest record of that path, waited for."""
        async with asyncio.timeout(limit):
            while not (found := self.at(path)):
                await self._news.wait()
        return found[-1]

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._acceptor = asyncio.create_task(self._accept())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop_listening()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        for wire in self.wires:
            await wire.close()

    async def stop_listening(self) -> None:
        self._acceptor.cancel()
        await asyncio.gather(self._acceptor, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            wire = Wire(sock)
            self.wires.append(wire)
            conversation = asyncio.create_task(self._converse(wire, len(self.wires)))
            self._conversations.add(conversation)
            conversation.add_done_callback(self._conversations.discard)

    async def _converse(self, wire: Wire, number: int) -> None:
        try:
            while await self._exchange(wire, number):
                pass
        except Ambiguous as error:
            self.strays.append(str(error))
        except Gone as gone:
            if gone.rest and not self._reading_body(wire):
                self.strays.append(f"half a head: {gone.rest[:80]!r}")
        finally:
            await wire.close()

    def _reading_body(self, wire: Wire) -> bool:
        return any(record.wire is wire and not record.complete for record in self.records)

    async def _exchange(self, wire: Wire, number: int) -> bool:
        message = await read_head(wire)
        method, target, version = check_request_line(message)
        if (method, target) == (b"GET", b"/ping"):
            await wire.send(PONG)
            return True
        record = Record(message, method, target, version, number, wire)
        self.records.append(record)
        self._news.set()
        self._news = asyncio.Event()
        exchange = Exchange(record, wire)
        await self._behaviours.get(target.partition(b"?")[0], self.default)(exchange)
        return exchange.keep_alive
