"""Both lanes in this process, each in front of an engine of its own, on one store."""

import asyncio
import re
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sidecar.clock import SystemClock
from sidecar.config import load
from sidecar.dialects.sagemaker.dialect import SageMaker
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import StoreKeeper
from sidecar.engine.replicas import Replicas
from sidecar.headers import SESSION_ID, Vocabulary
from sidecar.life import Life
from sidecar.proxy.connections import Connections
from sidecar.proxy.express.server import ExpressServer
from sidecar.proxy.house import House
from sidecar.proxy.lane import Lane
from sidecar.proxy.pace import Limits
from sidecar.proxy.planner import Planner
from sidecar.proxy.server import ClientServer
from sidecar.sessions.root import open_root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.behaviours import chunked, says
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import Behaviour, RecordingEngine, say_ok
from tests.harness.strict_http import Ambiguous
from tests.harness.wire import Gone
from tests.lanes.examples import LIVE, Example

REPLIES: tuple[Behaviour, ...] = (
    say_ok,
    says(b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"),
    says(chunked([b"data: 1\n\n", b"data: 2\n\n"])),
    says(b"HTTP/1.0 200 OK\r\n\r\nuntil the end", then="close"),
    says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    says(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
    says(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"),
    says(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    ),
    says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", then="close"),
    says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", then="close"),
    says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", then="close"),
    says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", then="close"),
    says(b"", then="close"),
    says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        b"X-Amzn-SageMaker-New-Session-Id: x\r\nConnection: X-B\r\nX-B: c\r\n\r\nok"
    ),
)
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(rb"Expires=[0-9T:Z-]+")
_PORT = re.compile(rb"127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Seen:
    """What the engine got and what the client got, ids and ports made equal.

    A request that broke off counts only at the client: how much of it the engine saw before that
    is a matter of how the bytes arrived.
    """

    requests: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    end: str


class LaneOnStage:
    """One lane with its engine; one client connection at a time."""

    def __init__(self, store: TmpfsStore, *, express: bool) -> None:
        self._store = store
        self._express = express

    async def open(self, stack: AsyncExitStack) -> None:
        self.recording = await stack.enter_async_context(RecordingEngine())
        settings = load({"SIDECAR_ENGINE_URL": self.recording.url})
        vocabulary = Vocabulary(settings.session_header)
        [address] = settings.engine_url
        engine = Engine(address, vocabulary, connect_timeout=5, idle_limit=4)
        engine.ready = True
        dialect = SageMaker(
            enabled=True,
            create_on_first_use=True,
            control_body_limit=settings.control_body_limit,
            engine_header=SESSION_ID,
        )
        house = House(
            settings,
            dialect.voice,
            self._store,
            StoreKeeper(self._store, 60, pins=False),
            Replicas([engine]),
            Life(),
            lambda turn: None,
        )
        connections = Connections(Limits.of(settings), 1000, dialect.voice.refuse)
        planner = Planner((dialect,), vocabulary, settings.request_body_max)
        lane = ClientServer(Lane(house), house, planner, connections)
        accept = ExpressServer(house, planner, connections, lane) if self._express else lane
        listener = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
        self.port: int = listener.sockets[0].getsockname()[1]
        stack.callback(engine.close)
        stack.callback(listener.close)

    async def play(self, example: Example, quiet: float) -> Seen:
        session = await self._store.open(60)
        live = session.id.encode()
        self.recording.default = REPLIES[example.reply]
        self.recording.records.clear()
        answers: list[bytes] = []
        async with await RawClient.connect(self.port) as client:
            end = await self._talk(client, example, live, answers, quiet)
        requests = [
            b"%b\n%b" % (record.message.head, bytes(record.body))
            for record in self.recording.records
            if record.complete
        ]
        return Seen(
            tuple(map(_same, requests)), tuple(map(_same, answers)), _same(end.encode()).decode()
        )

    async def _talk(
        self, client: RawClient, example: Example, live: bytes, answers: list[bytes], quiet: float
    ) -> str:
        for piece in example.pieces:
            await client.send(piece.replace(LIVE, live))
            await asyncio.sleep(0)
        method = b"HEAD" if b"HEAD " in b"".join(example.pieces) else b"GET"
        try:
            while True:
                answer = await client.answer(method, limit=quiet)
                heads = [one.message.head for one in (*answer.interim, answer)]
                answers.append(b"".join(heads) + answer.body)
        except Gone as gone:
            return f"{gone.ending} after {len(gone.rest)}"
        except BrokenOff as broken:
            answers.append(broken.answer.message.head + broken.answer.body)
            return f"broken off: {broken.ending}"
        except TimeoutError:
            return "open"
        except Ambiguous as fault:
            await asyncio.sleep(quiet)  # what is behind it reaches the engine, or does not
            return f"ambiguous: {fault}"


class Stage:
    """`async with Stage(slots) as stage`; each slot is a pair of lanes."""

    def __init__(self, slots: int) -> None:
        self._count = slots
        self._stack = AsyncExitStack()
        self._free: asyncio.Queue[tuple[LaneOnStage, LaneOnStage]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        scratch = self._stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
        root, _ = open_root(Path(scratch) / "sessions", Path(scratch) / "other")
        store = TmpfsStore(root, clock=SystemClock(), ttl_limit=600)
        await store.start()
        self._stack.push_async_callback(store.stop)
        for _ in range(self._count):
            pair = LaneOnStage(store, express=True), LaneOnStage(store, express=False)
            for lane in pair:
                await lane.open(self._stack)
            self._free.put_nowait(pair)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def differences(self, examples: list[Example]) -> list[tuple[Example, Seen, Seen]]:
        found = await asyncio.gather(*map(self._compare, examples))
        return [one for one in found if one is not None]

    async def _compare(self, example: Example) -> tuple[Example, Seen, Seen] | None:
        """A difference must show twice: the second time with patience, for a slow machine, and
        when what was still on its way from the first time has arrived."""
        pair = await self._free.get()
        try:
            for quiet in (0.08, 2.0):
                if quiet > 1:
                    await asyncio.sleep(quiet)
                express, reference = await asyncio.gather(
                    *(lane.play(example, quiet) for lane in pair)
                )
                if express == reference:
                    return None
            return example, express, reference
        finally:
            self._free.put_nowait(pair)


def _same(data: bytes) -> bytes:
    for pattern, word in ((_ID, b"<id>"), (_TIME, b"<time>"), (_PORT, b"<engine>")):
        data = pattern.sub(word, data)
    return data
