"""The order of the end: not ready, lame duck, listener closed, streams end, hard stop."""

import asyncio
import base64
import signal

import pytest

from tests.harness.behaviours import says
from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB
from tests.harness.raw_client import Answer, BrokenOff, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.harness.watch import Watch
from tests.life.asking import assert_try_again, get, once, ping, takes_connections

POST = b"POST /post HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"
UPGRADE = (
    b"GET /tunnel HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % base64.b64encode(b"k" * 16)
)
# Process start and stop on a busy machine, on top of what a drain takes.
SLACK = 2.0


class Tap:
    """An engine's stream: begun at once, ended when the test says so."""

    def __init__(self) -> None:
        self.end = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
        await self.end.wait()
        await exchange.send(b"5\r\nended\r\n0\r\n\r\n")


async def tunnel(exchange: Exchange) -> None:
    await exchange.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    await exchange.wire.gone.wait()
    exchange.keep_alive = False


async def begin_stream(client: RawClient) -> Answer:
    await client.send(get(b"/stream"))
    head = await client.head()
    assert head.values(b"Connection") == []
    return head


async def rest_of(client: RawClient, head: Answer) -> bytes:
    async with asyncio.timeout(20):
        return b"".join([piece async for piece in client.body(head)])


async def stops_listening(sidecar: SidecarProcess) -> None:
    assert await eventually(lambda: not takes_connections(sidecar.port))


async def aborted(sidecar: SidecarProcess) -> int:
    count: int = (await sidecar.event("stopped"))["aborted"]
    return count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_order_of_the_end(number: signal.Signals) -> None:
    tap = Tap()
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS="0.6") as sidecar,
        await RawClient.connect(sidecar.port) as streaming,
        await RawClient.connect(sidecar.port) as kept,
        await RawClient.connect(sidecar.port) as idle,
    ):
        engine.on(b"/stream", tap)
        stream = await begin_stream(streaming)
        assert (await kept.ask(POST)).values(b"Connection") == []
        assert (await idle.ask(POST)).values(b"Connection") == []
        sidecar.process.send_signal(number)
        await sidecar.event("draining")

        # not ready, and still at work for those who come all the same
        assert_try_again(await ping(sidecar), "draining")
        assert (await once(sidecar.admin_port, get(b"/readyz"))).status == 503
        assert (await once(sidecar.admin_port, get(b"/livez"))).status == 200
        for client in (kept, await RawClient.connect(sidecar.port)):
            answer = await client.ask(POST)
            assert (answer.status, answer.values(b"Connection")) == (200, [b"close"])
            assert await client.closed() == "end"
            await client.wire.close()
        assert (await once(sidecar.port, get(b"/x"))).values(b"Connection") == [b"close"]

        # no new connections, but what has begun goes on
        await stops_listening(sidecar)
        assert (await once(sidecar.admin_port, get(b"/readyz"))).status == 503
        assert idle.wire.ending is None
        tap.end.set()
        assert await rest_of(streaming, stream) == b"begunended"
        assert await idle.closed() == "end"
        assert await sidecar.wait() == 0
        assert await aborted(sidecar) == 0
    assert sidecar.errors == ""


@pytest.mark.parametrize("connected", [False, True], ids=["nobody", "idle"])
async def test_with_nothing_open_the_end_comes_after_the_lame_duck(connected: bool) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS="0.7") as sidecar,
        await RawClient.connect(sidecar.port) as idle,
    ):
        if connected:
            assert (await idle.ask(POST)).status == 200
        else:
            await idle.wire.close()
        watch = Watch()
        assert await sidecar.stop() == 0
        assert watch.between(0.7, 0.7 + SLACK), watch


@pytest.mark.parametrize("sent", [0, 1, len(POST) - 3])
async def test_a_request_that_has_half_come_when_the_listener_closes_is_served(sent: int) -> None:
    """0: its connection was made just before."""
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        async with await RawClient.connect(sidecar.port) as client:
            await client.send(POST[:sent])
            await asyncio.sleep(0.05)
            sidecar.process.send_signal(signal.SIGTERM)
            await stops_listening(sidecar)
            await asyncio.sleep(0.8 if sent else 0.1)
            answer = await client.ask(POST[sent:])
            assert (answer.status, answer.values(b"Connection")) == (200, [b"close"])
        assert await sidecar.wait() == 0
        assert [bytes(record.body) for record in engine.records] == [b"hi"]


async def test_a_client_may_go_on_after_an_answer_that_did_not_announce_the_end() -> None:
    """Its stream began before the signal, so nobody has told it to use another connection."""
    tap = Tap()
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        engine.on(b"/stream", tap)
        async with await RawClient.connect(sidecar.port) as client:
            stream = await begin_stream(client)
            sidecar.process.send_signal(signal.SIGTERM)
            await stops_listening(sidecar)
            tap.end.set()
            assert await rest_of(client, stream) == b"begunended"
            await asyncio.sleep(0.2)
            answer = await client.ask(POST)
            assert (answer.status, answer.values(b"Connection")) == (200, [b"close"])
        assert await sidecar.wait() == 0


async def test_an_upload_in_progress_arrives_whole() -> None:
    size = 2 * MIB
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        async with await RawClient.connect(sidecar.port) as client:
            await client.send(
                b"POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % size
            )
            await client.send(bytes(size // 2))
            await engine.arrived(b"/upload")
            sidecar.process.send_signal(signal.SIGTERM)
            await stops_listening(sidecar)
            await client.send(bytes(size // 2))
            assert (await client.answer(b"POST")).status == 200
        assert await sidecar.wait() == 0
        assert (engine.records[0].size, engine.records[0].complete) == (size, True)


async def test_what_never_ends_is_cut_at_the_limit_and_looks_cut() -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(
            engine.url, SIDECAR_LAME_DUCK_SECONDS="0.3", SIDECAR_DRAIN_SECONDS="2"
        ) as sidecar,
        await RawClient.connect(sidecar.port) as streaming,
        await RawClient.connect(sidecar.port) as upgraded,
        await RawClient.connect(sidecar.port) as waiting,
        await RawClient.connect(sidecar.port) as idle,
    ):
        engine.on(b"/stream", Tap())
        engine.on(b"/tunnel", tunnel)
        engine.on(b"/silence", says(b"", then="hold"))
        stream = await begin_stream(streaming)
        await upgraded.send(UPGRADE)
        assert (await upgraded.head()).status == 101
        await waiting.send(get(b"/silence"))
        await engine.arrived(b"/silence")
        assert (await idle.ask(POST)).status == 200
        watch = Watch()
        sidecar.process.send_signal(signal.SIGTERM)
        with pytest.raises(BrokenOff) as broken:
            await rest_of(streaming, stream)
        assert watch.between(1.9, 2 + SLACK), watch
        assert broken.value.ending == "reset"
        assert await upgraded.closed() == "reset"
        assert await waiting.closed() == "reset"
        assert await idle.closed() == "end"
        assert await sidecar.wait() == 0
        assert await aborted(sidecar) == 3
        for record in engine.records[-3:]:
            assert await eventually(record.wire.gone.is_set, limit=1)
    assert sidecar.errors == ""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("lame_duck", ["0", "20"], ids=["draining", "lame-duck"])
async def test_a_second_signal_means_now(lame_duck: str, second: signal.Signals) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS=lame_duck) as sidecar,
        await RawClient.connect(sidecar.port) as client,
    ):
        engine.on(b"/stream", Tap())
        stream = await begin_stream(client)
        sidecar.process.send_signal(signal.SIGTERM)
        await sidecar.event("draining")
        assert client.wire.ending is None
        watch = Watch()
        sidecar.process.send_signal(second)
        with pytest.raises(BrokenOff) as broken:
            await rest_of(client, stream)
        assert broken.value.ending == "reset"
        assert await sidecar.wait() == 0
        assert watch.worked() < SLACK, watch
        assert await aborted(sidecar) == 1
    assert sidecar.errors == ""
