"""A rolling update under load: nobody notices."""

import asyncio
import signal
import socket
from dataclasses import dataclass, field
from itertools import count

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.wire import Gone
from tests.life.asking import get

STREAMS = 300
POSTERS = 20
EVERY = 0.25
STREAMS_END = 4.0  # seconds after the signal
LAME_DUCK = 1.5


@dataclass
class Tally:
    answered: list[bytes] = field(default_factory=list)
    lost: list[bytes] = field(default_factory=list)


class Streams:
    """The engine's side: numbered events until the end, which every stream must show."""

    def __init__(self) -> None:
        self.end = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for number in count():
            event = b"data: %d\n\n" % number
            await exchange.send(b"%x\r\n%b\r\n" % (len(event), event))
            if self.end.is_set():
                break
            await asyncio.sleep(EVERY)
        await exchange.send(b"0\r\n\r\n")


async def watch(port: int, ready: asyncio.Semaphore) -> bool:
    """Whether a stream came to its end with every event."""
    async with await RawClient.connect(port) as client:
        await client.send(get(b"/stream"))
        head = await client.head()
        ready.release()
        async with asyncio.timeout(30):
            body = b"".join([piece async for piece in client.body(head)])
    events = body.split(b"\n\n")[:-1]
    return len(events) > STREAMS_END / EVERY / 4 and events == [
        b"data: %d" % number for number in range(len(events))
    ]


async def connect(port: int) -> RawClient | None:
    """None: nobody listens any more."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except OSError as error:
        sock.close()
        assert isinstance(error, ConnectionRefusedError), "let in, and thrown out"
        return None
    return RawClient(sock)


async def post(port: int, name: int, tally: Tally) -> None:
    """Post without a pause, on one connection for as long as it may, until nobody listens."""
    numbers = count()
    while (client := await connect(port)) is not None:
        async with client:
            while await post_once(client, b"%d-%d" % (name, next(numbers)), tally):
                pass


async def post_once(client: RawClient, body: bytes, tally: Tally) -> bool:
    request = b"POST /post HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body)
    try:
        answer = await client.ask(request + body)
    except (Gone, TimeoutError):
        tally.lost.append(body)
        return False
    assert answer.status == 200
    tally.answered.append(body)
    return answer.values(b"Connection") != [b"close"]


async def test_300_streams_and_20_keep_alive_posters_during_sigterm() -> None:
    streams, ready, tally = Streams(), asyncio.Semaphore(0), Tally()
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS=str(LAME_DUCK)) as sidecar,
    ):
        engine.on(b"/stream", streams)
        watching = [asyncio.create_task(watch(sidecar.port, ready)) for _ in range(STREAMS)]
        for _ in range(STREAMS):
            await ready.acquire()
        posting = [asyncio.create_task(post(sidecar.port, n, tally)) for n in range(POSTERS)]
        await asyncio.sleep(0.3)
        before = len(tally.answered)
        sidecar.process.send_signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(STREAMS_END, streams.end.set)

        await asyncio.gather(*posting)
        assert not streams.end.is_set(), "the listener closes while streams go on"
        assert 0 < before < len(tally.answered), "posts before and during the lame duck"
        assert tally.lost == []
        delivered = [bytes(record.body) for record in engine.at(b"/post")]
        assert sorted(delivered) == sorted(tally.answered)

        assert await asyncio.gather(*watching) == [True] * STREAMS
        assert await sidecar.wait() == 0
    assert sidecar.errors == ""


async def test_who_connects_while_the_listener_closes_is_served_or_refused() -> None:
    """A new connection for each post, without a pause: some are under way at any moment."""
    tally = Tally()

    async def keep_coming(port: int) -> None:
        while (client := await connect(port)) is not None:
            async with client:
                await post_once(client, b"hi", tally)

    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_LAME_DUCK_SECONDS="0.2") as sidecar,
    ):
        coming = [asyncio.create_task(keep_coming(sidecar.port)) for _ in range(40)]
        await asyncio.sleep(0.1)
        sidecar.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*coming)
        assert tally.lost == []
        assert len(engine.records) == len(tally.answered) > 40
        assert await sidecar.wait() == 0
