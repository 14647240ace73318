"""An engine whose health is whatever a test says, path by path; it can stop and come back."""

import asyncio
from types import TracebackType
from typing import Self

# Instead of a status: the question is read, and nobody answers.
SILENCE = 0


class HealthEngine:
    """`HealthEngine({"/ping": 404, "/health": 200})`; what is not listed answers 404.

    `asked` holds the method and the path of every request.
    """

    def __init__(self, health: dict[str, int], port: int = 0) -> None:
        self.health = health
        self.asked: list[str] = []
        self.port = port
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen (again, on the same port)."""
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        self.asked.append(f"{method} {path}")
        status = self.health.get(path, 404)
        if status == SILENCE:
            return not await reader.read()
        writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % status)
        await writer.drain()
        return True
