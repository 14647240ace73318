"""A connection in use is counted while it is used, however that ends, on both kinds of loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from sidecar.config import EngineAddress
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.health import Prober
from sidecar.engine.outage import Outage
from sidecar.errors import EngineError
from sidecar.headers import Vocabulary
from tests.harness.behaviours import chunked, says
from tests.harness.engines import free_port
from tests.harness.recording_engine import Behaviour, RecordingEngine
from tests.harness.waiting import eventually

GET = b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % WEBSOCKET
TYPE = b"Content-Type: text/event-stream"
Use = Callable[[Exchange], Awaitable[None]]


def engine_at(port: int) -> Engine:
    address = EngineAddress(f"http://127.0.0.1:{port}", "127.0.0.1", port)
    return Engine(address, Vocabulary(None), connect_timeout=1, idle_limit=4, outage=Outage(5, 120))


@asynccontextmanager
async def engine_that(behaviour: Behaviour) -> Any:
    async with RecordingEngine(behaviour) as recording:
        engine = engine_at(recording.port)
        yield recording, engine
        engine.close()
        assert await eventually(lambda: not engine.in_flight and not engine._open)


async def read_all(exchange: Exchange) -> None:
    with suppress(EngineError):
        await exchange.head()
        while await exchange.read():
            pass


async def leave_at_once(exchange: Exchange) -> None:
    pass


async def leave_at_the_head(exchange: Exchange) -> None:
    await exchange.head()


async def give_up(exchange: Exchange) -> None:
    with suppress(EngineError):
        await exchange.head(0.05)


async def part(exchange: Exchange) -> None:
    await exchange.part(1)


OK = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
# how the engine answers, what is done with it, faults that this makes
ENDS: dict[str, tuple[Behaviour, Use, int]] = {
    "whole": (OK, read_all, 0),
    "in chunks": (says(chunked([b"a", b"b"])), read_all, 0),
    "an event stream": (says(chunked([b"data: 1\n\n"], TYPE)), read_all, 0),
    "until the end": (says(b"HTTP/1.0 200 OK\r\n\r\nall", then="close"), read_all, 0),
    "the engine closes behind it": (
        says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", then="close"),
        read_all,
        0,
    ),
    "no answer": (says(b"", then="close"), read_all, 1),
    "a reset": (says(b"", then="reset"), read_all, 1),
    "half an answer": (says(HALF, then="close"), read_all, 1),
    "half an answer and a reset": (says(HALF, then="reset"), read_all, 1),
    "no HTTP": (says(b"220 mail\r\n\r\n"), read_all, 1),
    "we leave before the head": (says(b"", then="hold"), leave_at_once, 0),
    "we leave at the head": (says(HALF, then="hold"), leave_at_the_head, 0),
    "we give up": (says(b"", then="hold"), give_up, 0),
    "we part": (says(b"", then="hold"), part, 0),
    "a tunnel": (says(SWITCH + b"hello", then="hold"), leave_at_the_head, 0),
    "a tunnel that the engine ends": (says(SWITCH + b"hello", then="close"), read_all, 0),
    "503": (says(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), read_all, 1),
    "500": (says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), read_all, 0),
}


async def use_five_times(name: str) -> None:
    behaviour, use, faults = ENDS[name]
    async with engine_that(behaviour) as (_, engine):
        for count in range(1, 6):
            connection = await engine.connection()
            assert engine.in_flight == 1
            exchange = Exchange(engine, connection)
            exchange.start(GET, upgrade="tunnel" in name)
            exchange.finish_request()
            try:
                await use(exchange)
            finally:
                exchange.abort()
            assert await eventually(lambda: engine.in_flight == 0, 2)
            assert engine.ejection.faults == count * faults


loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])


@loops
@pytest.mark.parametrize("name", ENDS)
def test_every_end(name: str, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(use_five_times(name))


async def many_at_once() -> None:
    async with engine_that(says(b"", then="hold")) as (recording, engine):
        exchanges = []
        for count in range(1, 21):
            exchanges.append(Exchange(engine, await engine.connection()))
            assert engine.in_flight == count
        for exchange in exchanges:
            exchange.start(GET)
        assert await eventually(lambda: len(recording.records) == 20)
        for exchange in exchanges[:7]:
            exchange.abort()
        assert await eventually(lambda: engine.in_flight == 13)
        for wire in recording.wires[7:]:  # the engine dies
            await wire.reset()
        assert await eventually(lambda: engine.in_flight == 0)
        assert engine.ejection.faults == 13


async def idle_ones_that_the_engine_closes() -> None:
    """A process that dies takes its idle connections along; they must not count below nothing."""
    async with engine_that(OK) as (recording, engine):
        exchanges = [Exchange(engine, await engine.connection()) for _ in range(5)]
        for exchange in exchanges:
            exchange.start(GET)
            exchange.finish_request()
            await read_all(exchange)
        assert engine.in_flight == 0
        for wire in recording.wires:
            await wire.reset()
        seen = set()
        for _ in range(20):
            await asyncio.sleep(0.005)
            seen.add(engine.in_flight)
        assert seen == {0}
        assert engine.ejection.faults == 0
        assert engine.take_idle() is None


async def connections_that_are_not_made() -> None:
    engine = engine_at(free_port())
    for count in range(1, 4):
        with pytest.raises(EngineError) as refused:
            await engine.connect()
        assert refused.value.is_gone
        assert engine.in_flight == 0
        assert engine.ejection.faults == count
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        engine = engine_at(full.getsockname()[1])
        tasks = [asyncio.create_task(engine.connect()) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert engine.in_flight == 10
        for task in tasks[:9]:
            task.cancel()
        await asyncio.gather(*tasks[:9], return_exceptions=True)
        assert engine.in_flight == 1
        with pytest.raises(EngineError) as late:
            await tasks[9]
        assert not late.value.is_gone
        assert engine.in_flight == 0


async def connections_given_up_at_any_moment() -> None:
    async with engine_that(OK) as (_, engine):
        for steps in range(12):
            task = asyncio.create_task(engine.connect())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                (await task).abort()
            assert await eventually(lambda: engine.in_flight == 0, 2)


async def probes() -> None:
    """They are not requests; and one that is answered leaves nothing behind."""
    async with engine_that(OK) as (recording, engine):
        prober = asyncio.create_task(Prober(engine, "/x").run())
        counted = []
        while len(recording.records) < 2:
            counted.append(engine.in_flight)
            await asyncio.sleep(0.01)
        prober.cancel()
        assert set(counted) == {0}
        assert engine.ready
        assert (engine.ejection.answers, engine.ejection.faults) == (0, 0)
        assert engine.take_idle() is None


@loops
@pytest.mark.parametrize(
    "story",
    [
        many_at_once,
        idle_ones_that_the_engine_closes,
        connections_that_are_not_made,
        connections_given_up_at_any_moment,
        probes,
    ],
)
def test_stories(story: Callable[[], Any], loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())
