"""Agents that no SDK would make: silent, gone, lying, or with more to say than anyone reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PONG = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{"status":"Healthy"}'


@dataclass
class OddAgent:
    """`turns` are the heads of the requests that came, the sidecar's probes apart."""

    port: int = 0
    turns: list[bytes] = field(default_factory=list)
    left: int = 0
    """Requests whose connection was given up by the sidecar."""
    sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self) -> int:
        return len(self.turns)


Behaviour = Callable[[OddAgent, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def odd_agent(behaviour: Behaviour) -> AsyncIterator[OddAgent]:
    agent = OddAgent()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                writer.write(PONG)
                await writer.drain()
            else:
                agent.turns.append(head)
                await behaviour(agent, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            agent.left += 1
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    agent.port = server.sockets[0].getsockname()[1]
    try:
        yield agent
    finally:
        server.close()


async def silent(
    agent: OddAgent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Until the sidecar gives up."""
    await reader.read()
    agent.left += 1


async def gone(agent: OddAgent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As an agent whose process is killed in the middle of a turn."""
    writer.transport.abort()


def saying(reply: bytes) -> Behaviour:
    async def say(
        agent: OddAgent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(reply)
        await writer.drain()

    return say


def streaming(size: int) -> Behaviour:
    """As fast as it is taken."""

    async def stream(
        agent: OddAgent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % size)
        while agent.sent < size:
            piece = bytes(min(65536, size - agent.sent))
            writer.write(piece)
            await writer.drain()
            agent.sent += len(piece)

    return stream
