"""Requests without a session: spread, sent elsewhere as long as nothing was sent, never twice."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from sidecar.engine.ejection import IN_A_ROW
from tests.harness.behaviours import says
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.harness.waiting import eventually
from tests.replicas.fleet import Caller, Fleet

lanes = pytest.mark.parametrize("express", ["on", "off"])
LARGE = 300_000  # streamed, not read first


@dataclass
class Pair:
    """Two engines that record, and their sidecar."""

    engines: list[RecordingEngine]
    names: list[str]
    sidecar: SidecarProcess
    caller: Caller

    async def ask(self, request: bytes) -> Answer:
        async with await RawClient.connect(self.sidecar.port) as client:
            return await client.ask(request)

    async def idle(self) -> None:
        await self.caller.see(lambda found: not any(one["in_flight"] for one in found.values()))


@asynccontextmanager
async def pair(express: str = "on", order: str = "parallel") -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(RecordingEngine()) for _ in range(2)]
        url = ",".join(engine.url for engine in engines)
        names = [f"127.0.0.1:{engine.port}" for engine in engines]
        sidecar = await stack.enter_async_context(
            SidecarProcess(url, SIDECAR_EXPRESS=express, SIDECAR_SESSION_ORDER=order)
        )
        caller = Caller(sidecar)
        await caller.all_ready()
        yield Pair(engines, names, sidecar, caller)
        await sidecar.stop()
        assert sidecar.errors == ""


def post(body: bytes = b"", *lines: bytes, path: bytes = b"/x") -> bytes:
    head = (b"POST %b HTTP/1.1" % path, b"Host: t", *lines, b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def post_chunked(body: bytes) -> bytes:
    head = b"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@lanes
async def test_an_idle_fleet_is_used_evenly(express: str) -> None:
    async with pair(express) as both:
        for _ in range(20):
            assert (await both.ask(post())).status == 200
        assert [len(engine.records) for engine in both.engines] == [10, 10]


@lanes
async def test_the_least_busy_one_gets_the_next(express: str) -> None:
    async with pair(express) as both:
        first, second = both.engines
        go_on = asyncio.Event()

        async def wait(exchange: Exchange) -> None:
            await exchange.read_body()
            await go_on.wait()
            await exchange.reply()

        first.on(b"/held", wait)
        second.on(b"/held", says(b"", then="hold"))
        clients = []

        async def three_more() -> None:
            for _ in range(3):
                clients.append(await RawClient.connect(both.sidecar.port))
                await clients[-1].send(post(path=b"/held"))

        await three_more()
        await three_more()
        assert await eventually(lambda: len(first.records) == len(second.records) == 3)
        found = await both.caller.replicas()
        assert [found[name]["in_flight"] for name in both.names] == [3, 3]
        go_on.set()
        await both.caller.see(lambda found: found[both.names[0]]["in_flight"] == 0)
        go_on.clear()
        await three_more()
        assert await eventually(lambda: len(first.records) == 6)
        assert len(second.records) == 3
        go_on.set()
        for client in clients:
            await client.wire.close()
        await both.idle()


@dataclass
class Traffic:
    """Clients that post without a pause, each text once."""

    statuses: Counter[int]
    replicas: Counter[str]
    sent: list[str]


async def keep_posting(
    sidecar: SidecarProcess, traffic: Traffic, numbers: "itertools.count[int]"
) -> None:
    async with aiohttp.ClientSession() as client:
        while True:
            text = f"post-{next(numbers)}"
            traffic.sent.append(text)
            async with client.post(f"{sidecar.url}/x", data=text) as answer:
                await answer.read()
                traffic.statuses[answer.status] += 1
                traffic.replicas[answer.headers.get("X-Session-Replica", "")] += 1


@lanes
async def test_a_killed_replica_costs_only_what_it_was_answering(express: str) -> None:
    async with Fleet(3) as fleet, SidecarProcess(fleet.url, SIDECAR_EXPRESS=express) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        traffic, numbers = Traffic(Counter(), Counter(), []), itertools.count()
        posters = [asyncio.create_task(keep_posting(sidecar, traffic, numbers)) for _ in range(9)]
        assert await eventually(lambda: traffic.statuses[200] > 60)
        assert set(traffic.statuses) == {200}
        await fleet.engines[0].kill()
        await caller.see(lambda found: not found[fleet.names[0]]["ready"])
        cut = traffic.statuses.total() - traffic.statuses[200]
        assert cut <= 9
        assert set(traffic.statuses) <= {200, 502}
        before = traffic.replicas.copy()
        assert await eventually(lambda: traffic.statuses[200] > 200)
        assert traffic.replicas[fleet.names[0]] == before[fleet.names[0]]
        await fleet.engines[0].start()
        assert await eventually(
            lambda: traffic.replicas[fleet.names[0]] > before[fleet.names[0]] + 10
        )
        assert traffic.statuses.total() - traffic.statuses[200] == cut
        for poster in posters:
            poster.cancel()
        await asyncio.gather(*posters, return_exceptions=True)
        delivered = fleet.delivered()
        assert max(delivered.values()) == 1
        assert len(delivered) >= traffic.statuses[200]
        await caller.see(lambda found: not any(one["in_flight"] for one in found.values()))
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


BODIES = {
    "small": post(b"small"),
    "chunked": post_chunked(b"c" * LARGE),
    "begins a session with a large body": post(
        b"b" * LARGE, b"X-Amzn-SageMaker-Session-Id: NEW_SESSION"
    ),
}


@lanes
@pytest.mark.parametrize("name", BODIES)
async def test_where_nobody_listens_nothing_was_sent(express: str, name: str) -> None:
    """It is found out by the request: no probe has seen it yet, and nothing is in the pool."""
    async with pair(express) as both:
        gone, there = both.engines
        await gone.stop_listening()
        for _ in range(3):
            answer = await both.ask(BODIES[name])
            assert answer.status == 200, answer.body
            assert answer.values(b"X-Session-Replica") == [both.names[1].encode()]
        assert len(there.records) == 3
        body = bytes(there.records[0].body)
        assert body and all(bytes(record.body) == body for record in there.records)
        if name.startswith("begins"):
            for record in there.records[:3]:
                [session] = record.values(b"X-Amzn-SageMaker-Session-Id")
                said = await both.caller.post("x", session.decode())
                assert (said.status, said.replica) == (200, both.names[1])


@lanes
async def test_what_may_have_been_received_is_not_sent_again(express: str) -> None:
    async with pair(express) as both:
        for engine in both.engines:
            engine.on(b"/x", says(b"", then="close"))
        for number in range(6):
            assert (await both.ask(post(b"%d" % number))).status == 502
        bodies = Counter(bytes(one.body) for engine in both.engines for one in engine.records)
        assert set(bodies.values()) == {1}
        assert len(bodies) == 6


RESET = says(b"", then="reset")
UNAVAILABLE = says(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")


@lanes
@pytest.mark.parametrize("behaviour", [RESET, UNAVAILABLE], ids=["reset", "503"])
async def test_a_replica_that_fails_its_requests_is_ejected_for_a_while(
    express: str, behaviour: object
) -> None:
    """Though its probe says that all is well."""
    async with pair(express) as both:
        failing, well = both.engines
        failing.on(b"/x", behaviour)  # type: ignore[arg-type]
        statuses = Counter([(await both.ask(post())).status for _ in range(2 * IN_A_ROW + 6)])
        assert statuses[200] == IN_A_ROW + 6
        assert len(failing.records) == IN_A_ROW
        found = await both.caller.replicas()
        assert [found[name]["ejected"] for name in both.names] == [1, 0]
        assert [found[name]["faults"] for name in both.names] == [IN_A_ROW, 0]
        assert both.names[0] not in (await both.caller.open_many(3)).values()
        await both.caller.see(lambda found: not found[both.names[0]]["ejected"])
        failing.on(b"/x", says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        assert {(await both.ask(post())).status for _ in range(4)} == {200}
        assert len(failing.records) == IN_A_ROW + 2
        assert len(well.records) == IN_A_ROW + 6 + 2


async def test_an_engine_that_refuses_prompts_is_not_ejected() -> None:
    async with pair() as both:
        for engine in both.engines:
            engine.on(b"/x", says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
        assert {(await both.ask(post())).status for _ in range(12)} == {500}
        assert [len(engine.records) for engine in both.engines] == [6, 6]


async def test_when_all_are_ejected_all_are_tried() -> None:
    async with pair() as both:
        for engine in both.engines:
            engine.on(b"/x", RESET)
        assert {(await both.ask(post())).status for _ in range(12)} == {502}
        found = await both.caller.replicas()
        assert [found[name]["ejected"] for name in both.names] == [1, 1]
        assert sum(len(engine.records) for engine in both.engines) == 12


STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n"


@lanes
@pytest.mark.parametrize("order", ["parallel", "serialize"])
async def test_clients_that_leave_leave_nothing_in_flight(express: str, order: str) -> None:
    async with pair(express, order) as both:
        for engine in both.engines:
            engine.on(b"/held", says(b"", then="hold"))
            engine.on(b"/stream", says(STREAM, then="hold"))
            engine.on(b"/tunnel", says(SWITCH, then="hold"))
        session, _ = await both.caller.open()
        in_session = b"X-Amzn-SageMaker-Session-Id: " + session.encode()
        requests = [
            post(path=b"/held"),
            post(b"x", in_session, path=b"/held"),
            post(path=b"/stream"),
            post(b"x" * 100, path=b"/stream"),
            b"GET /tunnel HTTP/1.1\r\nHost: t\r\n" + UPGRADE + KEY,
            post(b"u" * LARGE)[: LARGE // 2],
            post_chunked(b"u" * LARGE)[: LARGE // 2],
        ]
        clients = []
        for request in requests * 2:
            clients.append(await RawClient.connect(both.sidecar.port))
            await clients[-1].send(request)
        # Of the session's two, one may have to wait for its turn.
        busy = len(clients) - (order == "serialize")

        await both.caller.see(lambda found: sum(one["in_flight"] for one in found.values()) == busy)
        for client in clients:
            await client.wire.close()
        await both.idle()
        found = await both.caller.replicas()
        assert [found[name]["faults"] for name in both.names] == [0, 0]
