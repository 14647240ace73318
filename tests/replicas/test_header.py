"""The header that names the replica: on whatever an engine said, where there are several."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidecar.config import load, short_names
from tests.harness.behaviours import chunked, says
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.replicas.fleet import Caller

lanes = pytest.mark.parametrize("express", ["on", "off"])
NAME = b"X-Session-Replica"

REPLIES = {
    "200": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "404": b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
    "500": b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "stream": chunked([b"data: 1\n\n", b"data: 2\n\n"], b"Content-Type: text/event-stream"),
    "its own": b"HTTP/1.1 200 OK\r\nx-session-replica: me\r\nContent-Length: 2\r\n\r\nok",
}


async def ask(sidecar: SidecarProcess, path: bytes = b"/x") -> Answer:
    async with await RawClient.connect(sidecar.port) as client:
        return await client.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path)


@asynccontextmanager
async def two(express: str, **variables: str) -> AsyncIterator[tuple[RecordingEngine, Caller]]:
    """Both are the same engine, under two names of this machine."""
    async with RecordingEngine() as engine:
        url = f"{engine.url},http://localhost:{engine.port}"
        header = variables.get("header", "X-Session-Replica")
        async with SidecarProcess(
            url, SIDECAR_EXPRESS=express, SIDECAR_REPLICA_HEADER=header
        ) as sidecar:
            caller = Caller(sidecar)
            await caller.all_ready()
            yield engine, caller


@lanes
async def test_every_reply_names_the_replica(express: str) -> None:
    async with two(express) as (engine, caller):
        names = {f"127.0.0.1:{engine.port}".encode(), f"localhost:{engine.port}".encode()}
        for what, reply in REPLIES.items():
            engine.on(b"/" + what.replace(" ", "-").encode(), says(reply))
        for what in REPLIES:
            path = b"/" + what.replace(" ", "-").encode()
            seen = [await ask(caller.sidecar, path) for _ in range(4)]
            values = [answer.values(NAME) for answer in seen]
            assert {len(each) for each in values} == {1}, what
            assert {each[0] for each in values} == names, what


@lanes
async def test_an_interim_reply_does_not(express: str) -> None:
    async with two(express) as (engine, caller):
        engine.on(b"/early", says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + REPLIES["200"]))
        answer = await ask(caller.sidecar, b"/early")
        assert len(answer.values(NAME)) == 1
        assert [one.values(NAME) for one in answer.interim] == [[]]


@lanes
async def test_it_can_be_renamed(express: str) -> None:
    async with two(express, header="X-Served-By") as (engine, caller):
        answer = await ask(caller.sidecar)
        assert answer.values(NAME) == []
        assert answer.values(b"X-Served-By")[0].endswith(b":%d" % engine.port)


@lanes
async def test_it_can_be_left_out(express: str) -> None:
    async with two(express, header="off") as (engine, caller):
        engine.on(b"/own", says(REPLIES["its own"]))
        assert (await ask(caller.sidecar)).values(NAME) == []
        assert (await ask(caller.sidecar, b"/own")).values(NAME) == [b"me"]
        assert (await caller.open())[1] == ""


async def test_a_single_engine_is_not_named() -> None:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        engine.on(b"/own", says(REPLIES["its own"]))
        assert (await ask(sidecar)).values(NAME) == []
        assert "replica" not in await sidecar.event("request")
        assert (await ask(sidecar, b"/own")).values(NAME) == [b"me"]
        session, replica = await caller.open()
        assert replica == ""
        assert (await caller.admin(f"/sessions/{session}"))["state"] == {}
        assert await caller.admin("/replicas") == {
            "replicas": [{"address": engine.url, "ready": True}]
        }


async def answer_pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = b"x"
    while head:
        head = await reader.readline()
        while head.strip():
            head = await reader.readline()
        if head:
            writer.write(REPLIES["200"])
    writer.close()


async def test_sockets_and_ports_side_by_side() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        path = Path(scratch) / "an engine.sock"
        listener = await asyncio.start_unix_server(answer_pings, path)
        async with (
            listener,
            RecordingEngine() as engine,
            SidecarProcess(f"unix:{path}, {engine.url}") as sidecar,
        ):
            caller = Caller(sidecar)
            await caller.all_ready()
            values = {(await ask(sidecar)).values(NAME)[0] for _ in range(4)}
            assert values == {b"an%20engine.sock", b"127.0.0.1:%d" % engine.port}
            placed = {}
            for _ in range(2):
                session, replica = await caller.open()
                placed[replica] = (await caller.admin(f"/sessions/{session}"))["replica"]
            assert placed == {
                "an%20engine.sock": f"unix:{path}",
                f"127.0.0.1:{engine.port}": engine.url,
            }
            assert await sidecar.stop() == 0


NAMES = {
    "http://a:1,http://[::1]:2": ["a:1", "[::1]:2"],
    "unix:/run/a.sock,unix:/run/b.sock": ["a.sock", "b.sock"],
    "unix:/run/a/e.sock,unix:/run/b/e.sock,http://c:1": ["/run/a/e.sock", "/run/b/e.sock", "c:1"],
    "unix:/run/é.sock,http://a": ["%C3%A9.sock", "a:80"],
}


@pytest.mark.parametrize("urls", NAMES)
def test_names(urls: str) -> None:
    assert short_names(load({"SIDECAR_ENGINE_URL": urls}).engine_url) == NAMES[urls]


@lanes
async def test_the_log_names_it_too(express: str) -> None:
    async with two(express, header="off") as (engine, caller):
        addresses = [f"http://{host}:{engine.port}" for host in ("127.0.0.1", "localhost")]
        for _ in addresses:
            await ask(caller.sidecar)

        def named() -> list[str]:
            lines = [line for line in caller.sidecar.log if line.get("path") == "/x"]
            return sorted(line["replica"] for line in lines)

        assert await eventually(lambda: named() == addresses)
