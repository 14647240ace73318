"""An engine that is no more than the other end of one connection: it says and reads what a test
tells it to.
"""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, ParamSpec

import uvloop

from sidecar.config import load
from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.headers import Vocabulary
from tests.harness.wire import Wire

P = ParamSpec("P")


def on_uvloop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """As the sidecar runs: asyncio's own transports end in other ways."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class Met(NamedTuple):
    """`wire` is the engine's end."""

    engine: Engine
    connection: EngineConnection
    wire: Wire


@asynccontextmanager
async def met(*, reading: bool = True) -> AsyncIterator[Met]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (address,) = load({"SIDECAR_ENGINE_URL": f"http://127.0.0.1:{port}"}).engine_url
        engine = Engine(address, Vocabulary(None), connect_timeout=5, idle_limit=60)
        connection = await engine.connect()
        wire = Wire(listener.accept()[0], reading=reading)
        try:
            yield Met(engine, connection, wire)
        finally:
            connection.abort()
            await wire.close()
