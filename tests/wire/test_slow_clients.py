"""Clients that are slow on purpose are dropped; clients that are slow by nature are not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.behaviours import says
from tests.harness.process import SidecarProcess
from tests.harness.process_figures import MIB, forget_peak, peak, resident
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.harness.watch import Watch
from tests.harness.wire import Gone

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The look once a second may come one early: with less, any wait at all would be late.
HEAD_TIMEOUT = 3.0
KEEPALIVE_TIMEOUT = 2.0
BODY_GRACE = 1.0
SEND_TIMEOUT = 1.5
# Deadlines are looked after by a coarse timer, and the machine may be busy.
SLACK = 8.0

GET = b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar(engine: RecordingEngine) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(
        engine.url,
        SIDECAR_HEAD_TIMEOUT=str(HEAD_TIMEOUT),
        SIDECAR_KEEPALIVE_TIMEOUT=str(KEEPALIVE_TIMEOUT),
        SIDECAR_BODY_GRACE=str(BODY_GRACE),
        SIDECAR_BODY_MIN_RATE="1000",
        SIDECAR_SEND_TIMEOUT=str(SEND_TIMEOUT),
    ) as sidecar:
        yield sidecar
        await sidecar.stop()
    assert sidecar.errors == ""


async def dribble(client: RawClient, data: bytes, pause: float) -> None:
    for at in range(len(data)):
        await client.send(data[at : at + 1])
        await asyncio.sleep(pause)


async def status_or_end(client: RawClient) -> int | None:
    try:
        return (await client.answer(limit=SLACK)).status
    except Gone:
        return None


@pytest.mark.parametrize(
    "start", [b"", b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: t\r\nX-A: "]
)
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
async def test_a_head_that_never_ends_is_cut_off(
    client: RawClient, engine: RecordingEngine, path: bytes, start: bytes, used: bool
) -> None:
    if used:
        assert (await client.ask(GET % (path + b"/before"))).status == 200
    await client.send(start)
    dribbling = asyncio.create_task(dribble(client, b"a" * 1000 if start else b"", 0.05))
    try:
        assert await status_or_end(client) in (None, 408)
    finally:
        dribbling.cancel()
        await asyncio.gather(dribbling, return_exceptions=True)


async def test_a_connection_between_two_requests_is_kept_for_its_time(
    client: RawClient, path: bytes
) -> None:
    for _ in range(3):
        assert (await client.ask(GET % path)).status == 200
        await asyncio.sleep(KEEPALIVE_TIMEOUT * 0.6)
    assert await client.closed(KEEPALIVE_TIMEOUT + SLACK) == "end"


@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
async def test_a_body_below_the_floor_is_cut_off(
    client: RawClient, engine: RecordingEngine, path: bytes, chunked: bool
) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000"
    await client.send(b"POST %b HTTP/1.1\r\nHost: t\r\n%b\r\n\r\n" % (path, framing))
    piece = b"1\r\nx\r\n" if chunked else b"x"
    dribbling = asyncio.create_task(dribble(client, piece * 1000, 0.05))
    try:
        assert await status_or_end(client) in (None, 408)
    finally:
        dribbling.cancel()
        await asyncio.gather(dribbling, return_exceptions=True)
    record = await engine.arrived(path)
    async with asyncio.timeout(SLACK):
        await record.wire.gone.wait()
    assert not record.complete


async def test_a_small_body_that_is_peeked_is_cut_off_too(
    client: RawClient, engine: RecordingEngine
) -> None:
    """A control request is read before anything is forwarded; it needs a deadline of its own."""
    await client.send(
        b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        b'Content-Length: 30\r\n\r\n{"requestType":'
    )
    assert await status_or_end(client) in (None, 408)
    assert engine.at(b"/invocations") == []


async def test_a_body_above_the_floor_may_take_longer_than_the_grace(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    await client.send(b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 15000\r\n\r\n" % path)
    for _ in range(30):  # 5000 bytes a second, for three times the grace
        await client.send(b"x" * 500)
        await asyncio.sleep(0.1)
    assert (await client.answer(b"POST")).status == 200
    assert engine.at(path)[0].size == 15000


async def test_an_upload_that_waits_for_the_engine_is_not_the_clients_fault(
    client: RawClient, engine: RecordingEngine, path: bytes
) -> None:
    size = 32 * MIB

    async def reads_late(exchange: Exchange) -> None:
        exchange.wire.pause()
        await asyncio.sleep(BODY_GRACE * 2.5)
        exchange.wire.read_on()
        await exchange.read_body()
        await exchange.reply(b"at last")

    engine.on(path, reads_late)
    await client.send(b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % (path, size))
    await client.send(b"x" * size)
    assert (await client.answer(b"POST", limit=20)).body == b"at last"
    assert engine.at(path)[0].size == size


async def endless(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n%b\r\n" % (b"x" * 65536)
    while exchange.wire.ending is None:
        await exchange.send(piece)
        await asyncio.sleep(0)
    exchange.keep_alive = False


async def test_stalled_readers_are_dropped_and_take_little_memory(
    engine: RecordingEngine, sidecar: SidecarProcess, path: bytes
) -> None:
    engine.on(path, endless)
    before = resident(sidecar.pid)
    forget_peak(sidecar.pid)
    readers = [
        await RawClient.connect(sidecar.port, reading=False, receive_buffer=4096) for _ in range(20)
    ]
    for reader in readers:
        await reader.send(GET % path)
    assert await eventually(lambda: len(engine.at(path)) == len(readers))
    async with asyncio.timeout(SEND_TIMEOUT + SLACK):
        for record in engine.at(path):
            await record.wire.gone.wait()
    assert peak(sidecar.pid) - before < 40 * MIB
    for reader in readers:
        await reader.wire.close()


async def test_a_slow_reader_that_goes_on_reading_is_not_dropped(
    engine: RecordingEngine, sidecar: SidecarProcess, path: bytes
) -> None:
    size = 8 * MIB
    body = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size)
    engine.on(path, says(body))
    async with await RawClient.connect(sidecar.port, receive_buffer=65536) as client:
        await client.send(GET % path)
        answer = await client.head()
        read, pause_at = 0, MIB
        async with asyncio.timeout(20):
            async for piece in client.body(answer):
                read += len(piece)
                if read > pause_at:  # longer than the time-out in all, with shorter pauses
                    pause_at = read + MIB
                    client.wire.pause()
                    await asyncio.sleep(SEND_TIMEOUT * 0.3)
                    client.wire.read_on()
    assert read == size


async def test_connections_above_the_limit_get_503_until_one_is_free(path: bytes) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_CONNECTIONS_MAX="10") as sidecar,
    ):
        held = [await RawClient.connect(sidecar.port) for _ in range(10)]
        for client in held:
            assert (await client.ask(GET % path)).status == 200
        async with await RawClient.connect(sidecar.port) as client:
            answer = await client.ask(GET % path)
            assert answer.status == 503 and answer.values(b"Retry-After") != []
        assert (await held[3].ask(GET % path)).status == 200
        await held[0].wire.close()
        assert await served_again(sidecar, path, limit=3.0)
        for client in held:
            await client.wire.close()


async def served_again(sidecar: SidecarProcess, path: bytes, limit: float) -> bool:
    watch = Watch()
    while watch.worked() < limit:
        async with await RawClient.connect(sidecar.port) as client:
            try:
                if (await client.ask(GET % path, limit)).status == 200:
                    return True
            except Gone:
                pass
        await asyncio.sleep(0.05)
    return False


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/schedstat") as figures:
        return int(figures.read().split()[0]) / 1e9


async def test_running_out_of_descriptors_hurts_only_who_comes_too_late(path: bytes) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, prefix=("prlimit", "--nofile=256")) as sidecar,
    ):
        async with await RawClient.connect(sidecar.port) as early:
            assert (await early.ask(GET % path)).status == 200
            crowd = [await RawClient.connect(sidecar.port) for _ in range(400)]
            await asyncio.sleep(0.5)
            used = cpu_seconds(sidecar.pid)  # prlimit has become the sidecar: same process
            await asyncio.sleep(1)
            assert cpu_seconds(sidecar.pid) - used < 0.5, "a busy loop"
            for _ in range(3):
                assert (await early.ask(GET % path)).status == 200
            for client in crowd:
                await client.wire.close()
        assert await served_again(sidecar, path, limit=3.0)
        await sidecar.stop()
        assert sidecar.errors == ""


async def test_who_stops_behind_an_early_answer_is_noted_once(
    client: RawClient, engine: RecordingEngine, sidecar: SidecarProcess, path: bytes
) -> None:
    """The body that is no longer wanted cannot come too slowly as well."""
    refusal = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"
    engine.on(path, says(refusal, before_the_body=True))
    await client.send(b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nx" % path)
    assert (await client.answer()).status == 413
    await asyncio.sleep(BODY_GRACE + 2.5)  # an ended connection is read from for 2 s more
    noted = [line for line in sidecar.log if line.get("path") == path.decode()]
    assert [line["status"] for line in noted] == [413]
