"""The tunnel's edges in raw bytes: when it opens, what is in flight then, how it ends."""

import asyncio
import base64
import contextlib
import hashlib

import pytest

from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.harness.wire import Gone

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = base64.b64encode(b"0123456789abcdef")
# RFC 6455 section 4.2.2.
ACCEPT = base64.b64encode(
    hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\nX-A: b\r\n\r\n" % ACCEPT
)
REFUSE = b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"


def upgrade(path: bytes, version: bytes = b"13") -> bytes:
    return (
        b"GET %b HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: %b\r\nSec-WebSocket-Key: %b\r\n\r\n" % (path, version, KEY)
    )


async def echo_bytes(exchange: Exchange) -> None:
    """A tunnel does not look at frames, so this engine sends back whatever comes."""
    exchange.keep_alive = False
    await exchange.send(SWITCH)
    while True:
        await exchange.send(await exchange.wire.some())


async def test_the_handshake_keeps_its_names_values_and_order(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, echo_bytes)
    await client.send(upgrade(path))
    answer = await client.head()
    assert (answer.status, answer.reason) == (101, b"Switching Protocols")
    assert sorted(answer.fields) == sorted(
        [
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Accept", ACCEPT),
            (b"X-A", b"b"),
        ]
    )
    [record] = engine.at(path)
    upgrades = [value.lower() for value in record.values(b"Upgrade") + record.values(b"Connection")]
    assert upgrades == [b"websocket", b"upgrade"]
    assert record.values(b"Sec-WebSocket-Key") == [KEY]


async def test_every_byte_passes_the_tunnel_both_ways(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, echo_bytes)
    await client.send(upgrade(path))
    await client.head()
    data = bytes(range(256)) * 4000
    sending = asyncio.create_task(client.send(data))
    async with asyncio.timeout(10):
        assert await client.wire.exactly(len(data)) == data
    await sending


async def test_what_the_engine_sends_with_its_101_is_not_lost(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.send(SWITCH + b"first frame")
        await exchange.wire.gone.wait()
        exchange.keep_alive = False

    engine.on(path, behave)
    await client.send(upgrade(path))
    await client.head()
    async with asyncio.timeout(5):
        assert await client.wire.exactly(11) == b"first frame"


async def test_what_the_client_sends_early_is_passed_on_or_the_connection_closed(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    engine.on(path, echo_bytes)
    await client.send(upgrade(path) + b"early frame")
    with contextlib.suppress(Gone):
        async with asyncio.timeout(5):
            assert (await client.head()).status in (101, 400)
            assert await client.wire.exactly(11) == b"early frame"


@pytest.mark.parametrize("version", [b"13", b"777"])
async def test_a_request_behind_a_refused_upgrade_is_a_request(
    client: RawClient, engine: RecordingEngine, path: bytes, version: bytes
) -> None:
    """No tunnel without the engine's 101: else the next request would go past every check."""

    async def refuse(exchange: Exchange) -> None:
        await exchange.send(REFUSE)

    engine.on(path, refuse)
    forged = b"GET %b/next HTTP/1.1\r\nHost: t\r\nX-Amzn-SageMaker-Session-Id: forged\r\n\r\n"
    await client.send(upgrade(path, version) + forged % path)
    assert (await client.answer()).status in (400, 426)
    with contextlib.suppress(Gone):
        assert (await client.answer()).status == 400
    assert engine.at(path + b"/next") == []


@pytest.mark.parametrize(
    "refusal, body",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi"),
        (b"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b""),
    ],
    ids=["counted", "chunked", "with-upgrade", "not-found"],
)
async def test_an_upgrade_that_is_answered_as_a_request(
    client: RawClient, engine: RecordingEngine, path: bytes, refusal: bytes, body: bytes
) -> None:
    """An engine that knows nothing of WebSocket ignores Upgrade; its connection goes on."""

    async def ignore(exchange: Exchange) -> None:
        await exchange.send(refusal)

    engine.on(path, ignore)
    for _ in range(2):
        answer = await client.ask(upgrade(path))
        assert (answer.status, answer.body) == (int(refusal[9:12]), body)
        assert answer.values(b"Upgrade") == []
    first, second = engine.at(path)
    assert first.connection == second.connection


@pytest.mark.parametrize("who", ["client", "engine"])
async def test_the_end_of_one_side_is_the_end_of_the_other(
    client: RawClient, engine: RecordingEngine, path: bytes, who: str
) -> None:
    async def behave(exchange: Exchange) -> None:
        exchange.keep_alive = False
        await exchange.send(SWITCH)
        if who == "engine":
            await exchange.send(b"last words")
            return await exchange.close()
        await exchange.wire.gone.wait()

    engine.on(path, behave)
    await client.send(upgrade(path))
    await client.head()
    if who == "engine":
        assert await client.wire.exactly(10) == b"last words"
        await client.closed(5)
    else:
        await client.wire.close()
        wire = (await engine.arrived(path)).wire
        assert await eventually(wire.gone.is_set, limit=0.5)


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(b"Upgrade: websocket\r\n", b""),
        SWITCH.replace(b"websocket", b"h2c"),
        SWITCH.replace(b"Connection: Upgrade\r\n", b""),
    ],
    ids=["no-upgrade", "another-protocol", "no-connection"],
)
async def test_a_101_that_switches_to_something_else_is_502(
    client: RawClient, engine: RecordingEngine, path: bytes, answer: bytes
) -> None:
    async def behave(exchange: Exchange) -> None:
        exchange.keep_alive = False
        await exchange.send(answer)
        await exchange.wire.gone.wait()

    engine.on(path, behave)
    assert (await client.ask(upgrade(path))).status == 502


async def test_a_body_behind_an_ignored_upgrade_does_not_become_a_request(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    """aiohttp 3.14.5 drops what follows such a head in the same read, here the head of a POST."""
    ignored = b"GET %b HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" % path
    smuggled = b"GET %b/smuggled HTTP/1.1\r\nHost: t\r\n\r\n" % path
    post = b"POST %b/post HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n"
    await client.send(ignored + post % (path, len(smuggled)))
    assert (await client.answer()).status == 200
    await client.send(smuggled)
    with contextlib.suppress(Gone):
        assert (await client.answer(b"POST")).body == b"ok %b/post" % path
    assert engine.at(path + b"/smuggled") == []
