"""A request that waits for the end of the loop's pass leaves whole and in order, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sidecar.config import load
from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.errors import EngineError
from sidecar.headers import Vocabulary

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Listener:
    """Says nothing; remembers what it was told, until the end of the connection."""

    def __init__(self) -> None:
        self.told = asyncio.get_running_loop().create_future()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.told.set_result(await reader.read(-1))
        except ConnectionError:
            self.told.set_result(b"")
        writer.close()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Engine, EngineConnection, Listener]]:
    listener = Listener()
    server = await asyncio.start_server(listener, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (address,) = load({"SIDECAR_ENGINE_URL": f"http://127.0.0.1:{port}"}).engine_url
    engine = Engine(address, Vocabulary(None), connect_timeout=5, idle_limit=60)
    async with server:
        yield engine, await engine.connect(), listener


async def test_pieces_of_one_pass_leave_in_order_and_before_the_end() -> None:
    async with connected() as (engine, connection, listener):
        exchange = Exchange(engine, connection)
        exchange.start(b"POST / HTTP/1.1\r\n\r\n")
        exchange.write(b"one")
        exchange.write(b"two")
        connection.end_request()
        assert await listener.told == b"POST / HTTP/1.1\r\n\r\nonetwo"
        exchange.abort()


async def test_what_is_given_up_in_the_same_pass_is_never_sent() -> None:
    async with connected() as (engine, connection, listener):
        exchange = Exchange(engine, connection)
        connection.begin(exchange, whole=True)
        exchange.write(b"POST / HTTP/1.1\r\n\r\n")
        exchange.abort()
        assert await listener.told == b""


async def test_a_reply_to_what_has_not_left_yet_is_no_reply() -> None:
    async with connected() as (engine, connection, listener):
        exchange = Exchange(engine, connection)
        connection.begin(exchange, whole=True)
        exchange.write(b"POST / HTTP/1.1\r\n\r\n")
        connection.data_received(OK)
        with pytest.raises(EngineError, match="not clear HTTP"):
            await exchange.head()
        assert await listener.told == b""
        assert engine.take_idle() is None
