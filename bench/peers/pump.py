"""The limit for Python on uvloop: bytes both ways, an engine connection for each client."""

import asyncio
import sys
from typing import cast

import uvloop


class Pump(asyncio.Protocol):
    def __init__(self, engine_port: int | None) -> None:
        self._engine_port = engine_port
        self.other: Pump | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._engine_port is not None:
            self._task = asyncio.ensure_future(self._connect(self._engine_port))

    async def _connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: Pump(None), "127.0.0.1", port)
        self.other.other = self
        for data in self._early:
            self.other.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


async def main(port: int, engine_port: int) -> None:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Pump(engine_port), "127.0.0.1", port, backlog=4096)
    await listener.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
