"""WebSocket is a tunnel: the two ends agree on everything, the sidecar adds and removes nothing."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB, forget_peak, peak, resident
from tests.harness.raw_client import RawClient
from tests.harness.waiting import eventually
from tests.harness.websocket_engine import WebSocketEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def websockets() -> AsyncIterator[WebSocketEngine]:
    async with WebSocketEngine("chat.v2", "chat.v1") as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar(websockets: WebSocketEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(
        websockets.url, SIDECAR_HEAD_TIMEOUT="1", SIDECAR_KEEPALIVE_TIMEOUT="1"
    ) as sidecar:
        yield sidecar
        await sidecar.stop()
    assert sidecar.errors == ""


def dial(sidecar: SidecarProcess, path: str = "/", **options: Any) -> connect:
    defaults = {"max_size": None, "ping_interval": None, "proxy": None, "compression": None}
    return connect(f"ws://127.0.0.1:{sidecar.port}{path}", **(defaults | options))


@pytest.mark.parametrize(
    "message",
    ["", "hello", "\N{GHOST} caf\N{LATIN SMALL LETTER E WITH ACUTE}", b"", bytes(range(256)) * 3],
    ids=["empty-text", "text", "unicode", "empty-binary", "every-byte"],
)
async def test_messages_come_back(sidecar: SidecarProcess, message: str | bytes) -> None:
    async with dial(sidecar) as client:
        await client.send(message)
        assert await client.recv() == message


async def test_a_message_of_8_mib_and_fragments(sidecar: SidecarProcess) -> None:
    message = os.urandom(8 * MIB)
    async with dial(sidecar) as client:
        await client.send(message)
        assert await client.recv() == message
        await client.send([message[:100], message[100:70_000], b""])
        assert await client.recv() == message[:70_000]


async def test_pings_are_answered_by_the_other_end(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    async with dial(sidecar, "/ping-me") as client:
        async with asyncio.timeout(5):
            await (await client.ping(b"from the client"))
            await (await websockets.connections[-1].ping(b"from the engine"))


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "bye"), (4001, "caf\xe9" * 10)])
async def test_the_engines_close_code_and_reason_arrive(
    sidecar: SidecarProcess, websockets: WebSocketEngine, code: int, reason: str
) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    websockets.talks["/close"] = close
    async with dial(sidecar, "/close") as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


async def test_the_clients_close_code_and_reason_arrive(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    async with dial(sidecar, "/client-closes") as client:
        await client.close(3000, "enough")
    connection = websockets.connections[-1]
    assert await eventually(lambda: connection.close_code is not None)
    assert (connection.close_code, connection.close_reason) == (3000, "enough")


async def test_a_client_that_vanishes_is_gone_for_the_engine(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    async with dial(sidecar, "/vanish") as client:
        connection = websockets.connections[-1]
        client.transport.abort()
        assert await eventually(lambda: connection.close_code is not None, limit=0.5)
        assert connection.close_code == 1006


async def test_an_engine_that_vanishes_is_gone_for_the_client(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    async def vanish(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    websockets.talks["/engine-vanishes"] = vanish
    async with dial(sidecar, "/engine-vanishes") as client:
        await client.send("x")
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(5):
                await client.recv()
        assert closed.value.rcvd is None


@pytest.mark.parametrize("offered", ["deflate", None])
async def test_compression_is_between_the_two_ends(
    sidecar: SidecarProcess, websockets: WebSocketEngine, offered: str | None
) -> None:
    async with dial(sidecar, "/deflate", compression=offered) as client:
        message = "again and again " * 10_000
        await client.send(message)
        assert await client.recv() == message
        ends: tuple[ClientConnection | ServerConnection, ...] = (
            client,
            websockets.connections[-1],
        )
        names = [[str(part.name) for part in end.protocol.extensions] for end in ends]
        assert names == [["permessage-deflate"] if offered else []] * 2


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["chat.v1"], "chat.v1"), (["chat.v1", "chat.v2"], "chat.v2"), (None, None)],
)
async def test_the_subprotocol_is_between_the_two_ends(
    sidecar: SidecarProcess, offered: list[str] | None, chosen: str | None
) -> None:
    wanted = [Subprotocol(name) for name in offered] if offered else None
    async with dial(sidecar, subprotocols=wanted) as client:
        assert client.subprotocol == chosen


async def test_the_heads_of_the_handshake_are_passed_on(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    more = {"Cookie": "a=b", "Authorization": "Bearer x", "X-A": "1"}
    target = "/heads/%2f?q=1&q=%20"
    origin = Origin("http://example.test")
    async with dial(sidecar, target, additional_headers=more, origin=origin) as client:
        assert client.response is not None
        headers = client.response.headers
        assert headers["X-Engine"] == "websockets"
        assert len(headers.get_all("Date")) == len(headers.get_all("Server")) == 1
        assert "Python" in headers["Server"] and "aiohttp" not in headers["Server"]
    request = websockets.requests[-1]
    assert request.path == target
    assert {name: request.headers[name] for name in (*more, "Origin")} == more | {"Origin": origin}


async def test_a_refusal_of_the_engine_passes(sidecar: SidecarProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with dial(sidecar, "/refused"):
            pass
    response = refused.value.response
    assert (response.status_code, response.body) == (403, b"not for you")


async def test_an_idle_tunnel_stays_open(sidecar: SidecarProcess) -> None:
    """The deadlines of this sidecar's heads and idle connections are one second."""
    async with dial(sidecar) as client:
        await asyncio.sleep(2.5)
        await client.send("still there?")
        assert await client.recv() == "still there?"


async def test_a_hundred_tunnels_do_not_mix(websockets: WebSocketEngine) -> None:
    """Behind the usual limits: a hundred handshakes of one loop can take more than a second."""

    async def talk(to: SidecarProcess, number: int) -> list[str | bytes]:
        async with dial(to) as client:
            answers = []
            for turn in range(5):
                await client.send(f"{number}-{turn}")
                answers.append(await client.recv())
            return answers

    async with SidecarProcess(websockets.url) as sidecar:
        talks = await asyncio.gather(*(talk(sidecar, number) for number in range(100)))
    assert talks == [[f"{number}-{turn}" for turn in range(5)] for number in range(100)]


async def test_a_client_that_does_not_read_holds_the_engine_back(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        for _ in range(64):
            await connection.send(bytes(MIB))
            sent += 1

    websockets.talks["/flood"] = flood
    before = resident(sidecar.pid)
    forget_peak(sidecar.pid)
    async with dial(sidecar, "/flood", max_queue=1) as client:
        assert not await eventually(lambda: sent == 64, limit=1.5)
        assert peak(sidecar.pid) - before < 16 * MIB
        for _ in range(64):
            assert len(await client.recv()) == MIB


async def open_session(port: int) -> str:
    body = b'{"requestType": "NEW_SESSION"}'
    async with await RawClient.connect(port) as client:
        answer = await client.ask(
            b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    return answer.values(b"X-Amzn-SageMaker-New-Session-Id")[0].partition(b";")[0].decode()


SESSION = "X-Amzn-SageMaker-Session-Id"


async def test_a_live_session_reaches_the_engine(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    session = await open_session(sidecar.port)
    async with dial(sidecar, "/session", additional_headers={SESSION.lower(): session}) as client:
        await client.send("x")
        assert await client.recv() == "x"
    assert websockets.requests[-1].headers.get_all(SESSION) == [session]


@pytest.mark.parametrize("session", ["unknown", "../x", "00000000-0000-4000-8000-000000000000"])
async def test_an_unknown_session_is_refused_before_the_engine(
    sidecar: SidecarProcess, websockets: WebSocketEngine, session: str
) -> None:
    before = len(websockets.requests)
    with pytest.raises(InvalidStatus) as refused:
        async with dial(sidecar, "/session", additional_headers={SESSION: session}):
            pass
    assert refused.value.response.status_code == 400
    assert len(websockets.requests) == before


async def test_a_new_session_is_announced_in_the_101(
    sidecar: SidecarProcess, websockets: WebSocketEngine
) -> None:
    async with dial(sidecar, "/new", additional_headers={SESSION: "NEW_SESSION"}) as client:
        assert client.response is not None
        announced = client.response.headers["X-Amzn-SageMaker-New-Session-Id"]
    assert websockets.requests[-1].headers[SESSION] == announced.partition(";")[0]
