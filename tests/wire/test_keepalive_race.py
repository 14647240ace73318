"""An engine that closes idle connections just when they are wanted: no errors, nothing twice.

A POST must not be sent again (RFC 9110 section 9.2.2), so a connection that is about to close
must not be used.
"""

import asyncio
import random
from collections import Counter

import aiohttp

from tests.harness.behaviours import chunked, says
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.uvicorn_engine import UvicornEngine

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def post(client: RawClient, body: str) -> int:
    head = b"POST /race HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body)
    return (await client.ask(head + body.encode())).status


async def rounds(
    port: int, *, clients: int, pauses: tuple[float, float], count: int
) -> Counter[int]:
    """Every client posts, pauses, and posts again on the same connection. By status."""
    dice = random.Random(7)

    async def one(number: int) -> list[int]:
        async with await RawClient.connect(port) as client:
            statuses = [await post(client, f"{number}-0")]
            for turn in range(1, count):
                await asyncio.sleep(dice.uniform(*pauses))
                statuses.append(await post(client, f"{number}-{turn}"))
            return statuses

    answers = await asyncio.gather(*(one(number) for number in range(clients)))
    return Counter(status for statuses in answers for status in statuses)


async def test_posts_around_uvicorns_five_seconds() -> None:
    async with UvicornEngine(keep_alive=5) as engine, SidecarProcess(engine.url) as sidecar:
        statuses = await rounds(sidecar.port, clients=150, pauses=(4.9, 5.1), count=3)
        assert statuses == {200: 450}
        assert set(engine.deliveries.values()) == {1} and len(engine.deliveries) == 450


async def test_a_connection_that_the_engine_has_closed_is_not_used() -> None:
    """With the sidecar's own idle limit out of the way, only a look at the socket helps."""
    async with (
        UvicornEngine(keep_alive=1) as engine,
        SidecarProcess(engine.url, SIDECAR_ENGINE_IDLE_SECONDS="60") as sidecar,
    ):
        statuses = await rounds(sidecar.port, clients=50, pauses=(1.3, 1.6), count=3)
        assert statuses == {200: 150}
        assert set(engine.deliveries.values()) == {1} and len(engine.deliveries) == 150


async def test_connections_that_are_not_idle_long_are_used_again() -> None:
    """The other half of the two tests above: a pool that never keeps anything would pass them."""
    async with RecordingEngine(says(OK)) as engine, SidecarProcess(engine.url) as sidecar:
        assert await rounds(sidecar.port, clients=1, pauses=(0.01, 0.01), count=20) == {200: 20}
        assert len({record.connection for record in engine.records}) == 1


async def test_an_engine_that_closes_after_every_answer_without_saying_so() -> None:
    """One client, so that each connection has been closed for 60 ms when it is wanted again."""
    async with (
        RecordingEngine(says(OK, then="close")) as engine,
        SidecarProcess(engine.url) as sidecar,
    ):
        statuses = await rounds(sidecar.port, clients=1, pauses=(0.06, 0.08), count=30)
        assert statuses == {200: 30}
        assert len(engine.records) == 30


async def test_an_engine_that_closes_after_every_answer_and_says_so() -> None:
    says_so = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with (
        RecordingEngine(says(says_so, then="close")) as engine,
        SidecarProcess(engine.url) as sidecar,
    ):
        statuses = await rounds(sidecar.port, clients=20, pauses=(0, 0), count=20)
        assert statuses == {200: 400}
        assert len({record.connection for record in engine.records}) == 400


async def test_a_post_on_a_connection_that_closes_under_it_is_delivered_at_most_once() -> None:
    """Nobody can win this race each time; what must not happen is a second delivery."""
    async with (
        RecordingEngine(says(OK, then="close")) as engine,
        SidecarProcess(engine.url) as sidecar,
    ):
        statuses = await rounds(sidecar.port, clients=20, pauses=(0, 0.001), count=20)
        assert set(statuses) <= {200, 502} and statuses.total() == 400
        assert statuses[200] > 0
        bodies = Counter(bytes(record.body) for record in engine.records if record.complete)
        assert set(bodies.values()) == {1}


async def test_a_request_right_behind_a_stream_whose_connection_then_closes() -> None:
    """As llama.cpp's server does, though it has promised to keep the connection."""

    async def behave(exchange: Exchange) -> None:
        await exchange.read_body()
        if exchange.record.target == b"/stream":
            await exchange.send(chunked([b"data: 1\n\n"], b"Content-Type: text/event-stream"))
            await asyncio.sleep(0.005)
            await exchange.close()
        else:
            await exchange.reply(b"ok")

    async with (
        RecordingEngine(behave) as engine,
        SidecarProcess(engine.url) as sidecar,
        aiohttp.ClientSession(sidecar.url) as client,
    ):
        for path in ("/stream", "/other") * 40:
            async with client.post(path, data=b"x") as answer:
                assert answer.status == 200
                await answer.read()
