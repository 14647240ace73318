"""SIDECAR_SESSION_ORDER: the requests of one session, one at a time or all at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import Exchange
from tests.harness.waiting import eventually
from tests.ops.test_admin import scraped
from tests.sagemaker.conftest import JSON, SESSION, Site, only, refusal, site_with


class Gate:
    """An engine's behaviour: each request waits until it is let through."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.order: list[bytes] = []
        self._passes = asyncio.Semaphore(0)

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.read_body()
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.order.append(bytes(exchange.record.body))
        await self._passes.acquire()
        self.inside -= 1
        await exchange.reply(b"done")

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self._passes.release()


@asynccontextmanager
async def gated(order: str, **variables: str) -> AsyncIterator[tuple[Site, Gate]]:
    async with site_with(SIDECAR_SESSION_ORDER=order, **variables) as site:
        gate = Gate()
        site.engine.on(b"/invocations", gate)
        yield site, gate


async def in_flight(site: Site, count: int) -> None:
    async with asyncio.timeout(10):
        found = await scraped(site.sidecar)
        while found["sidecar_requests_in_flight",] != count:
            await asyncio.sleep(0.01)
            found = await scraped(site.sidecar)


async def queued(site: Site, session: bytes, count: int) -> list[asyncio.Task[Answer]]:
    """Requests b"0", b"1", … that have arrived in this order."""
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(site.ask(b"%d" % number, JSON, session=session)))
        await in_flight(site, number + 1)
    return tasks


async def statuses(tasks: list[asyncio.Task[Answer]]) -> list[int]:
    return [answer.status for answer in await asyncio.gather(*tasks)]


def after(gate: Gate, count: int) -> Awaitable[bool]:
    return eventually(lambda: len(gate.order) == count)


async def test_parallel_is_the_default() -> None:
    async with site_with() as site:
        gate = Gate()
        site.engine.on(b"/invocations", gate)
        tasks = await queued(site, await site.open(), 3)
        assert await eventually(lambda: gate.inside == 3)
        gate.open(3)
        assert await statuses(tasks) == [200, 200, 200]


async def test_serialize_lets_one_in_at_a_time_in_the_order_of_arrival() -> None:
    async with gated("serialize") as (site, gate):
        tasks = await queued(site, await site.open(), 7)
        for count in range(1, 8):
            assert await after(gate, count)
            gate.open()
        assert await statuses(tasks) == [200] * 7
        assert gate.most == 1
        assert gate.order == [b"%d" % number for number in range(7)]


async def test_sessions_do_not_wait_for_each_other() -> None:
    async with gated("serialize") as (site, gate):
        tasks = [
            asyncio.create_task(site.ask(b"x", JSON, session=await site.open())) for _ in range(2)
        ]
        tasks.append(asyncio.create_task(site.ask(b"no session", JSON)))
        assert await eventually(lambda: gate.inside == 3)
        gate.open(3)
        assert await statuses(tasks) == [200] * 3


async def test_beyond_the_queue_it_is_429() -> None:
    async with gated("serialize", SIDECAR_SESSION_QUEUE="5") as (site, gate):
        session = await site.open()
        tasks = await queued(site, session, 6)
        answer = await site.ask(b"too many", JSON, session=session)
        assert (answer.status, only(answer, b"Retry-After")) == (429, b"1")
        assert "SIDECAR_SESSION_QUEUE" in refusal(answer)
        gate.open(6)
        assert await statuses(tasks) == [200] * 6
        gate.open()
        assert (await site.ask(b"again", JSON, session=session)).status == 200


async def test_reject_says_409_while_one_is_answered() -> None:
    async with gated("reject") as (site, gate):
        session = await site.open()
        [first] = await queued(site, session, 1)
        answer = await site.ask(b"second", JSON, session=session)
        assert (answer.status, only(answer, b"Retry-After")) == (409, b"1")
        assert "send this one again" in refusal(answer)
        gate.open(2)
        assert (await first).status == 200
        assert (await site.ask(b"third", JSON, session=session)).status == 200
        assert gate.order == [b"0", b"third"]


async def test_who_leaves_while_waiting_leaves_the_queue() -> None:
    async with gated("serialize") as (site, gate):
        session = await site.open()
        tasks = await queued(site, session, 4)
        tasks[1].cancel()
        tasks[2].cancel()
        await in_flight(site, 2)
        gate.open(2)
        assert [(await tasks[0]).status, (await tasks[3]).status] == [200, 200]
        assert gate.order == [b"0", b"3"]


@pytest.mark.parametrize("stubborn", [False, True], ids=["stops", "goes-on"])
async def test_the_next_one_waits_until_the_engine_has_really_finished(stubborn: bool) -> None:
    """Its client has gone in the middle of a stream; the engine ends that in its own time."""
    async with site_with(SIDECAR_SESSION_ORDER="serialize") as site:
        session, finished, may_finish = await site.open(), [], asyncio.Event()

        async def stream(exchange: Exchange) -> None:
            await exchange.read_body()
            await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            await exchange.wire.gone.wait()
            await may_finish.wait()
            if stubborn:
                await exchange.send(b"1\r\nb\r\n0\r\n\r\n")
            await exchange.close()
            finished.append(len(site.engine.at(b"/next")))

        site.engine.on(b"/stream", stream)
        async with await RawClient.connect(site.sidecar.port) as client:
            await client.send(
                b"POST /stream HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n%b: %b\r\n\r\n"
                % (SESSION, session)
            )
            await client.wire.until(b"1\r\na\r\n")
        assert await eventually(lambda: bool(site.engine.records[-1].wire.ending))
        following = asyncio.create_task(site.ask(target=b"/next", session=session))
        await in_flight(site, 1)
        assert site.engine.at(b"/next") == []
        may_finish.set()
        assert (await following).status == 200
        assert finished == [0]


async def test_a_session_that_ends_while_a_request_waits_is_not_found() -> None:
    async with gated("serialize") as (site, gate):
        session = await site.open()
        first, second = await queued(site, session, 2)
        assert (await site.control("CLOSE", session)).status == 200
        gate.open(2)
        assert (await first).status == 200
        assert (await second).status == 400
        assert gate.order == [b"0"]


async def test_the_order_holds_over_several_processes() -> None:
    async with gated("serialize", SIDECAR_WORKERS="3") as (site, gate):
        session = await site.open()
        tasks = [
            asyncio.create_task(site.ask(b"%d" % number, JSON, session=session))
            for number in range(9)
        ]
        gate.open(9)
        assert await statuses(tasks) == [200] * 9
        assert gate.most == 1
