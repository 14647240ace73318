"""The parts of the runtime that need no sidecar: two processes on one store, records, names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.clock import SystemClock
from sidecar.config.address import engine_addresses
from sidecar.dialects.agentcore.runtime import answered, running
from sidecar.dialects.agentcore.runtime.address import Turn, door, session_key
from sidecar.dialects.agentcore.runtime.answered import Answered
from sidecar.dialects.agentcore.runtime.kept import Kept
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.record import Interrupted, Record, Start
from sidecar.dialects.agentcore.runtime.running import Runner, Running
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.dialects.agentcore.runtime.turns import Turns
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound, StoreFull
from sidecar.headers import Vocabulary
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.odd_agent import OddAgent, odd_agent, saying, silent
from tests.harness.waiting import eventually

KEY = "a" + "0" * 64
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Process:
    """What one of several processes has."""

    def __init__(self, path: Path, agent: OddAgent) -> None:
        self.store = TmpfsStore(Root(path), clock=SystemClock(), ttl_limit=3600)
        [address] = engine_addresses(agent.url)
        engine = Engine(address, Vocabulary(None), connect_timeout=5, idle_limit=5)
        self.sessions = RuntimeSessions(self.store, Replicas([engine]), idle=0.8, maximum=3600)
        runner = Runner(self.store, self.sessions, SystemClock(), waits=8, within=None)
        self.turns = Turns(runner)

    def ask(self, invocation: str | None = "call") -> tuple[Running, object]:
        request = EngineRequest("POST", "/invocations", [], b"{}")
        return self.turns.ask(Turn("s", KEY, invocation), request)


@asynccontextmanager
async def processes(path: Path, agent: OddAgent, count: int = 1) -> AsyncIterator[list[Process]]:
    made = [Process(path / "sessions", agent) for _ in range(count)]
    yield made
    for process in made:
        await process.turns.stop()
        await process.store.stop()


async def test_a_turn_that_nobody_asks_for_again_is_cut(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 1.5)
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:
        turn, reader = process.ask()
        assert await eventually(lambda: agent.count() == 1)
        process.turns.leave(turn, reader)
        assert process.turns.running == 1
        assert await eventually(lambda: agent.left == 1)
        assert await eventually(lambda: not process.turns.running)
        with pytest.raises(Interrupted):
            await turn.record.head()


async def test_a_turn_goes_on_while_somebody_waits_for_it_elsewhere(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 1.5)
    async with odd_agent(silent) as agent, processes(scratch, agent, 2) as [one, other]:
        turn, reader = one.ask()
        assert await eventually(lambda: agent.count() == 1)
        one.turns.leave(turn, reader)
        waiting, place = other.ask()
        await asyncio.sleep(4.5)  # three times the grace
        assert (agent.count(), agent.left) == (1, 0)
        other.turns.leave(waiting, place)
        assert await eventually(lambda: agent.left == 1)


async def test_a_turn_is_cut_before_it_has_begun(scratch: Path) -> None:
    """A task that is cancelled before its first step takes none: its reader must not wait."""
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:
        turn, _ = process.ask()
        process.turns.cut(KEY)
        with pytest.raises(Interrupted):
            await asyncio.wait_for(turn.record.head(), 5)
        assert agent.count() == 0


async def test_a_full_store_refuses_a_turn_before_the_agent_is_asked(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it runs once could not be promised."""
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:

        async def full(*_: Any) -> None:
            raise StoreFull("no room")

        monkeypatch.setattr(process.store, "put_data", full)
        turn, _ = process.ask()
        with pytest.raises(StoreFull):
            await turn.record.head()
        assert agent.count() == 0


async def test_an_answer_that_cannot_be_kept_is_given(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with odd_agent(saying(OK)) as agent, processes(scratch, agent) as [process]:
        put = process.store.put_data

        async def full(session: str, key: str, value: bytes) -> None:
            if value != b"{}":
                raise StoreFull("no room")
            await put(session, key, value)

        monkeypatch.setattr(process.store, "put_data", full)
        turn, reader = process.ask()
        assert (await turn.record.head()).status == 200
        assert [piece async for piece in turn.record.read(reader)] == [b"{}"]


async def test_a_session_that_began_anew_is_another_one(scratch: Path) -> None:
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:
        first = await process.sessions.ensure(KEY)
        assert (await process.sessions.still(first)).id == KEY
        await process.sessions.stop(KEY, None)
        await process.sessions.ensure(KEY)
        with pytest.raises(SessionNotFound):
            await process.sessions.still(first)


async def test_few_answers_of_a_session_are_kept(scratch: Path) -> None:
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:
        kept, session = Kept(process.store, SystemClock()), await process.sessions.ensure(KEY)
        for number in range(12):
            record = Record()
            record.begin(Start(200, "text/plain", (("Mcp-Session-Id", "m"),)))
            await record.add(b"%d" % number)
            await kept.finish(session.id, await kept.begin(session.id, f"c{number}"), record, None)
        assert len(await process.store.data_keys(session.id)) == 8
        assert await kept.find(session.id, "c3") is None
        found = await kept.find(session.id, "c11")
        assert found == (Start(200, "text/plain", (("Mcp-Session-Id", "m"),)), b"11")


async def test_an_answer_that_is_too_large_to_be_kept_says_so(scratch: Path) -> None:
    async with odd_agent(silent) as agent, processes(scratch, agent) as [process]:
        kept, session = Kept(process.store, SystemClock()), await process.sessions.ensure(KEY)
        record = Record()
        record.begin(Start(200, "text/plain"))
        await record.add(bytes(300_000))
        await kept.finish(session.id, await kept.begin(session.id, "c"), record, None)
        with pytest.raises(Interrupted, match="too much to be repeated"):
            await kept.find(session.id, "c")


async def test_a_record_waits_for_its_slowest_reader() -> None:
    record = Record()
    record.begin(Start(200, "text/plain"))
    reader = record.enter()
    fast, slow = record.read(reader), record.read(record.enter())
    await record.add(bytes(1 << 20))
    adding = asyncio.create_task(record.add(bytes(1 << 20)))
    await anext(fast)
    await anext(fast)
    await asyncio.sleep(0)
    assert not adding.done()
    await anext(slow)
    await anext(slow)
    await asyncio.wait_for(adding, 5)
    await fast.aclose()
    await slow.aclose()


async def test_a_record_that_nobody_reads_is_bounded() -> None:
    record = Record()
    record.begin(Start(200, "text/plain"))
    await record.add(bytes(16 << 20))
    adding = asyncio.create_task(record.add(b"x"))
    await asyncio.sleep(0.05)
    assert not adding.done()
    reading = record.read(record.enter())
    assert len(await anext(reading)) == 16 << 20
    assert await anext(reading) == b"x"
    await asyncio.wait_for(adding, 5)
    assert (record.kept, record.is_kept) == (0, False)
    with pytest.raises(Interrupted):
        record.enter()
    await reading.aclose()


async def test_answers_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "_REMEMBERED", 100)
    now = 0.0
    all_of_them = Answered(lambda: now)
    for number in range(4):
        turn = Running(Turn("s", KEY, str(number)), EngineRequest("POST", "/", [], b""))
        turn.record.repeat(Start(200, "text/plain"), bytes(40))
        all_of_them.keep((KEY, str(number)), turn)
    there = [all_of_them.find((KEY, str(number))) is not None for number in range(4)]
    assert there == [False, False, True, True]
    now = 901.0
    late = Running(Turn("s", KEY, "late"), EngineRequest("POST", "/", [], b""))
    all_of_them.keep((KEY, "late"), late)
    assert all_of_them.find((KEY, "3")) is None
    assert all_of_them.find((KEY, "late")) is late


DOORS = [
    ("/runtimes/arn%3Aaws%3Ax%2Fy/invocations", ("invocations", "arn:aws:x/y")),
    ("/runtimes/arn:aws:x/y/invocations", ("invocations", "arn:aws:x/y")),
    ("/runtimes/a%2fb/ws", ("ws", "a/b")),
    ("/runtimes/a/ws/shells", ("shells", "a/ws")),
    ("/invocations", ("invocations", "")),
    ("/ws", ("ws", "")),
]


@pytest.mark.parametrize(("path", "expected"), DOORS)
def test_paths_of_the_runtime(path: str, expected: tuple[str, str]) -> None:
    found = door(path)
    assert found is not None
    assert (found.operation, found.runtime) == expected


@pytest.mark.parametrize(
    "path", ["/runtimes/a", "/runtimes//invocations", "/ping", "/invocations/"]
)
def test_other_paths(path: str) -> None:
    assert door(path) is None


def test_a_session_is_one_runtimes_and_one_qualifiers() -> None:
    arn = "/runtimes/arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/chat/invocations"
    keys = {
        session_key(where, query, name)
        for path in (arn, "/runtimes/other/invocations", "/invocations")
        if (where := door(path)) is not None
        for query in ("", "qualifier=beta")
        for name in ("s", "t")
    }
    assert len(keys) == 12


LINES = [
    b"Host: a\r\n",
    b"Content-Length: 2\r\n",
    b"X-AMZN-Bedrock-AgentCore-Runtime-Session-Id: theirs\r\n",
    b"X-Amz-Date: now\r\n",
    b"x-amz-user-agent: js\r\n",
    b"amz-sdk-request: attempt=1\r\n",
    b"X-Amz-Bedrock-AgentCore-Identity-WAT: token\r\n",
    b"Authorization: AWS4-HMAC-SHA256 Credential=x\r\n",
    b"X-Amzn-Bedrock-AgentCore-Runtime-User-Id: alice\r\n",
]


@pytest.mark.parametrize("authorization", [True, False])
def test_lines_towards_the_agent(authorization: bool) -> None:
    prefix = "x-amzn-bedrock-agentcore-runtime-"
    sent = Outward(memory_id="m", authorization=authorization).for_turn(LINES, "ours")
    found = dict(line.decode().rstrip().split(": ", 1) for line in sent)
    found = {name.lower(): value for name, value in found.items()}
    assert len(found.pop(f"{prefix}request-id")) == 36
    assert found == {
        f"{prefix}session-id": "ours",
        f"{prefix}user-id": "alice",
        f"{prefix}custom-actor-id": "alice",
        f"{prefix}custom-memory-id": "m",
        "x-amz-bedrock-agentcore-identity-wat": "token",
        "content-type": "application/json",
    }
