"""An engine that goes on and on without answering, or stops taking the request: nobody waits for
ever, in either lane.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Behaviour, Exchange, RecordingEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")

GET = b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n"
POST = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["on", "off"])
async def sidecar(
    request: pytest.FixtureRequest, engine: RecordingEngine
) -> AsyncIterator[SidecarProcess]:
    settings = {"SIDECAR_EXPRESS": request.param, "SIDECAR_ENGINE_RESPONSE_TIMEOUT": "0.6"}
    async with SidecarProcess(engine.url, **settings) as sidecar:
        yield sidecar


def drips(start: bytes, drop: bytes) -> Behaviour:
    """Says `start`, and then `drop` every 20 ms until nobody listens any more."""

    async def behave(exchange: Exchange) -> None:
        exchange.keep_alive = False
        await exchange.send(start)
        while not exchange.wire.gone.is_set():
            await exchange.send(drop)
            await asyncio.sleep(0.02)

    return behave


@pytest.mark.parametrize(
    "start, drop",
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    ],
    ids=["status-line", "header-lines", "one-header", "100", "103"],
)
async def test_a_head_that_never_ends_is_no_answer_in_time(
    client: RawClient, engine: RecordingEngine, path: bytes, start: bytes, drop: bytes
) -> None:
    engine.on(path, drips(start, drop))
    answer = await client.ask(GET % path)
    assert answer.status == 504
    async with asyncio.timeout(5):
        await (await engine.arrived(path)).wire.gone.wait()


@pytest.mark.parametrize(
    "say, expected",
    [
        (b"", (502, None)),
        (b"HTTP/1.1 413 Content Too Large\r\n\r\ntoo large", (413, b"too large")),
        (b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmore", (413, b"more")),
    ],
    ids=["nothing", "until-the-end", "counted"],
)
async def test_an_engine_that_ends_its_side_and_takes_no_more(
    client: RawClient,
    engine: RecordingEngine,
    path: bytes,
    say: bytes,
    expected: tuple[int, bytes | None],
) -> None:
    """What it does not take must not keep the client waiting for what it has said."""
    done = asyncio.Event()

    async def behave(exchange: Exchange) -> None:
        exchange.keep_alive = False
        exchange.wire.pause()
        await exchange.send(say)
        exchange.wire.finish()
        await done.wait()

    engine.on(path, behave)
    size = 20_000_000
    sending = asyncio.create_task(client.send(POST % (path, size) + b"x" * size))
    answer = await client.answer(b"POST", limit=5)
    await sending
    done.set()
    status, body = expected
    assert answer.status == status
    assert body is None or answer.body == body
