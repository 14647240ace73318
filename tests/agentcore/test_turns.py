"""A turn runs once: whoever asks again, and whatever dies."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from botocore.exceptions import ClientError

from tests.agentcore.agents import Agent, agent, until
from tests.agentcore.invoking import HEADER, INVOCATIONS, ask, body, invoke, session, stop
from tests.agentcore.odd_agent import (
    Behaviour,
    OddAgent,
    gone,
    odd_agent,
    saying,
    silent,
    streaming,
)
from tests.agentcore.refusals import code, message
from tests.agentcore.whole import are_in_flight, calling, sidecar
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.sessions.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Stage(NamedTuple):
    agent: Agent
    process: SidecarProcess
    long_turn: asyncio.Task[Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """While the other tests run, one turn takes 70 s: its test is the last one."""
    async with agent() as behind, sidecar(behind.url, SIDECAR_DIALECTS="agentcore") as process:
        turn = asyncio.create_task(long_turn(process))
        yield Stage(behind, process, turn)
        turn.cancel()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


async def long_turn(process: SidecarProcess) -> Any:
    """With boto3's own read timeout and retries."""
    async with calling(process, retries=None) as calls:
        answer = await invoke(calls, "long", do="sleep", seconds=70, turn="long")
        return await body(answer), answer["ResponseMetadata"]["RetryAttempts"]


class Attempt:
    """One call as an SDK sends it, any number of times, to whatever process."""

    def __init__(self, name: str, **payload: Any) -> None:
        self.invocation = str(uuid.uuid4())
        self._headers = {HEADER: session(name), "amz-sdk-invocation-id": self.invocation}
        self._payload = payload

    async def __call__(self, process: SidecarProcess, limit: float = 30.0) -> tuple[int, Any]:
        """Raises TimeoutError, and hangs up."""
        timeout = aiohttp.ClientTimeout(limit)
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.post(
                f"{process.url}{INVOCATIONS}", json=self._payload, headers=self._headers
            ) as answer,
        ):
            return answer.status, await answer.json()


async def test_an_attempt_joins_the_turn_that_runs(stage: Stage) -> None:
    """boto3 hangs up after 2 s and sends the same call again."""
    async with calling(
        stage.process, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 4}
    ) as calls:
        answer = await invoke(calls, "joins", do="sleep", seconds=5, turn="joins")
        assert await body(answer) == {"session_id": session("joins"), "count": 1}
        assert answer["ResponseMetadata"]["RetryAttempts"] >= 1
    assert await stage.agent.seen("begun", "joins") == 1


async def test_two_calls_are_two_turns(stage: Stage) -> None:
    async with calling(stage.process) as calls:
        for count in (1, 2):
            assert (await ask(calls, "two", turn="two"))["count"] == count


async def test_a_late_attempt_gets_the_answer_that_was_given(stage: Stage) -> None:
    attempt = Attempt("late", turn="late")
    first = await attempt(stage.process)
    assert first == (200, {"session_id": session("late"), "count": 1})
    assert await attempt(stage.process) == first
    assert await stage.agent.seen("begun", "late") == 1


async def test_an_attempt_reads_a_stream_from_its_beginning(stage: Stage) -> None:
    """While another one reads it, and is given up in the middle."""
    headers = {HEADER: session("twice"), "amz-sdk-invocation-id": str(uuid.uuid4())}
    wish = {"do": "stream", "count": 8, "every": 0.2, "turn": "twice"}
    url = f"{stage.process.url}{INVOCATIONS}"
    async with aiohttp.ClientSession() as client:
        async with client.post(url, json=wish, headers=headers) as first:
            await first.content.readuntil(b"\n\n")
            again = await client.post(url, json=wish, headers=headers)
            first.close()
        text = await again.text()
    assert text.count("data: ") == 8
    assert text.startswith('data: {"number": 0')
    assert await stage.agent.seen("begun", "twice") == 1


async def test_an_agents_error_is_not_asked_for_twice(stage: Stage) -> None:
    attempt = Attempt("once", do="fail", turn="once")
    first = await attempt(stage.process)
    assert first[0] == 424
    assert await attempt(stage.process) == first
    assert await stage.agent.seen("begun", "once") == 1


async def test_another_process_has_the_answer(stage: Stage) -> None:
    """As another worker has, or the same one when it was killed and started again."""
    attempt = Attempt("moves", turn="moves")
    first = await attempt(stage.process)
    async with beside(stage) as other:
        assert await attempt(other) == first
    assert await stage.agent.seen("begun", "moves") == 1


async def test_an_attempt_waits_at_another_process(stage: Stage) -> None:
    attempt = Attempt("waits", do="sleep", seconds=4, turn="waits")
    async with beside(stage) as other:
        with pytest.raises(TimeoutError):
            await attempt(stage.process, limit=1.0)
        assert await attempt(other) == (200, {"session_id": session("waits"), "count": 1})
    assert await stage.agent.seen("begun", "waits") == 1


async def test_turns_of_a_session_wait_for_each_other_at_two_workers(stage: Stage) -> None:
    async with sidecar(
        stage.agent.url, SIDECAR_DIALECTS="agentcore", SIDECAR_WORKERS="2"
    ) as process:
        attempts = [Attempt("workers", do="sleep", seconds=0.2) for _ in range(8)]
        # A connection each, so that the kernel spreads them over the workers.
        answers = await asyncio.gather(*(attempt(process) for attempt in attempts))
        assert sorted(answer["count"] for _, answer in answers) == [1, 2, 3, 4, 5, 6, 7, 8]
        for attempt, answer in zip(attempts, answers, strict=True):
            assert await attempt(process) == answer
    assert await stage.agent.seen("overlaps", session("workers")) == 1


async def test_two_sidecars_of_a_fleet(stage: Stage, redis: RedisServer) -> None:
    """On Redis: the answer is there for the other one, and a stop there cuts here."""
    variables = {"SIDECAR_DIALECTS": "agentcore", "SIDECAR_STORE": redis.url}
    async with (
        sidecar(stage.agent.url, **variables) as one,
        sidecar(stage.agent.url, **variables) as other,
        calling(other) as calls,
    ):
        attempt = Attempt("fleet", turn="fleet")
        first = await attempt(one)
        assert await attempt(other) == first
        assert await stage.agent.seen("begun", "fleet") == 1
        waits = Attempt("fleet", do="sleep", seconds=3, turn="waits in a fleet")
        with pytest.raises(TimeoutError):
            await waits(one, limit=1.0)
        assert (await waits(other))[1]["count"] == 2
        assert await stage.agent.seen("begun", "waits in a fleet") == 1
        turn = asyncio.create_task(Attempt("fleet", do="sleep", seconds=20, turn="cut")(one))
        await stage.agent.until("begun", "cut")
        await stop(calls, "fleet")
        assert (await asyncio.wait_for(turn, 5))[0] == 424


async def test_kill_9_in_the_middle_of_a_turn(stage: Stage) -> None:
    """Nobody knows how far the agent came: the attempt after it is told so, and not tried again."""
    attempt = Attempt("killed", do="sleep", seconds=2, turn="killed")
    async with sidecar(stage.agent.url, SIDECAR_DIALECTS="agentcore") as process:
        asking = asyncio.create_task(attempt(process))
        await stage.agent.until("begun", "killed")
        process.process.send_signal(signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await asking
        await process.wait()
        await process.start()
        status, answer = await attempt(process)
        assert (status, answer) == (424, {"message": answer["message"]})
        assert "begun before the sidecar was restarted" in answer["message"]
        async with calling(process) as calls:
            assert (await ask(calls, "killed", turn="after"))["session_id"] == session("killed")
    assert await stage.agent.seen("begun", "killed") == 1


async def test_a_drain_waits_for_a_turn_whose_client_will_ask_again(stage: Stage) -> None:
    attempt = Attempt("drained", do="sleep", seconds=3, turn="drained")
    async with sidecar(stage.agent.url, SIDECAR_DIALECTS="agentcore") as process:
        with pytest.raises(TimeoutError):
            await attempt(process, limit=1.0)
        assert await process.stop() == 0
        assert process.errors == ""
        await process.start()
        assert await attempt(process) == (200, {"session_id": session("drained"), "count": 1})
    assert await stage.agent.seen("begun", "drained") == 1


async def test_a_drain_without_time_cuts_turns(stage: Stage) -> None:
    attempt = Attempt("short", do="sleep", seconds=20, turn="short")
    async with sidecar(
        stage.agent.url, SIDECAR_DIALECTS="agentcore", SIDECAR_DRAIN_SECONDS="1"
    ) as process:
        asking = asyncio.create_task(attempt(process))
        await stage.agent.until("begun", "short")
        asking.cancel()
        assert await process.stop() == 0
        assert process.errors == ""
        await process.start()
        status, answer = await attempt(process)
        assert status == 424
        assert "was cut" in answer["message"]


async def test_an_agent_that_dies_in_a_turn_is_not_asked_again() -> None:
    async with odd(gone) as (behind, process), calling(process, retries=None) as calls:
        with pytest.raises(ClientError) as caught:
            await invoke(calls, "dies")
        assert code(caught) == ("RuntimeClientError", 424)
        assert behind.url.removeprefix("http://") in message(caught)
        assert behind.count() == 1


async def test_an_agent_that_does_not_answer_in_time_is_not_asked_again() -> None:
    async with (
        odd(silent, SIDECAR_ENGINE_RESPONSE_TIMEOUT="1") as (behind, process),
        calling(process, retries=None) as calls,
    ):
        with pytest.raises(ClientError) as caught:
            await invoke(calls, "slow")
        assert code(caught) == ("RuntimeClientError", 424)
        assert "1 s" in message(caught)
        assert behind.count() == 1
        assert await eventually(lambda: behind.left == 1)


async def test_an_agent_that_breaks_off_its_answer() -> None:
    """What came is not taken for the whole; nor is it asked again."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf"
    async with odd(saying(reply)) as (behind, process):
        attempt = Attempt("half")
        with pytest.raises(aiohttp.ClientError):
            await attempt(process)
        with pytest.raises(aiohttp.ClientError):
            await attempt(process)
        assert behind.count() == 1


async def test_an_agent_that_is_not_there_is_asked_again() -> None:
    """Nothing has begun, so the SDK's own retries are right."""
    async with odd_agent(silent) as behind:
        address = behind.url
    async with sidecar(address, SIDECAR_DIALECTS="agentcore") as process:
        async with calling(process, retries=None) as calls:
            with pytest.raises(ClientError) as caught:
                await invoke(calls, "nobody")
        assert code(caught) == ("InternalServerException", 500)
        assert address.removeprefix("http://") in message(caught)
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 2


async def test_an_answer_keeps_its_encoding() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\n\x01\x02\x03"
    async with odd(saying(reply)) as (_, process), aiohttp.ClientSession() as client:
        raw = client.post(f"{process.url}/invocations", json={}, auto_decompress=False)
        async with raw as answer:
            assert answer.headers["Content-Encoding"] == "br"
            assert await answer.read() == b"\x01\x02\x03"


async def test_a_client_that_leaves_and_cannot_ask_again_ends_its_turn() -> None:
    async with odd(silent) as (behind, process), aiohttp.ClientSession() as client:
        asking = asyncio.create_task(client.post(f"{process.url}{INVOCATIONS}", json={}))
        assert await eventually(lambda: behind.count() == 1)
        asking.cancel()
        assert await eventually(lambda: behind.left == 1)


async def test_too_many_turns_of_a_session_are_throttled() -> None:
    async with odd(silent, SIDECAR_SESSION_QUEUE="1") as (_, process), calling(process) as calls:
        waiting = [asyncio.create_task(Attempt("many")(process)) for _ in range(2)]
        await until(lambda: are_in_flight(process, 2))
        with pytest.raises(ClientError) as caught:
            await invoke(calls, "many")
        assert code(caught) == ("ThrottlingException", 429)
        assert "wait already" in message(caught)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_store_without_room(tmp_path: Path) -> None:
    """Refused before the agent is asked, with a status that no SDK tries again."""
    server = RedisServer(tmp_path / "full", "--maxmemory", "1")
    server.start()
    try:
        async with (
            odd(silent, SIDECAR_STORE=server.url) as (behind, process),
            calling(process, retries=None) as calls,
        ):
            with pytest.raises(ClientError) as caught:
                await invoke(calls, "full")
            assert code(caught) == ("ServiceQuotaExceededException", 402)
            assert behind.count() == 0
    finally:
        server.stop()


async def test_a_client_that_does_not_read_holds_its_agent_back() -> None:
    """What the agent can be ahead of it is the two sockets' buffers and 1 MiB of ours."""
    size = 100 << 20
    async with odd(streaming(size)) as (behind, process):
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port, limit=65536)
        framing = "Content-Length: 2\r\nConnection: close"
        writer.write(f"POST {INVOCATIONS} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{{}}".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await eventually(lambda: behind.sent > 1 << 20)
        await asyncio.sleep(1)
        assert behind.sent < 24 << 20
        assert len(await asyncio.wait_for(reader.read(), 60)) > size
        writer.close()
        await writer.wait_closed()


async def test_a_turn_of_70_seconds_with_boto3s_defaults(stage: Stage) -> None:
    """After 60 s boto3 hangs up and asks again."""
    answer, attempts = await stage.long_turn
    assert answer == {"session_id": session("long"), "count": 1}
    assert attempts == 1
    assert await stage.agent.seen("begun", "long") == 1


def beside(stage: Stage) -> SidecarProcess:
    """Another sidecar on the same sessions."""
    return SidecarProcess(
        stage.agent.url,
        SIDECAR_DIALECTS="agentcore",
        SIDECAR_SESSIONS_PATH=str(stage.process.sessions_path),
    )


@asynccontextmanager
async def odd(
    behaviour: Behaviour, **variables: str
) -> AsyncIterator[tuple[OddAgent, SidecarProcess]]:
    async with (
        odd_agent(behaviour) as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore", **variables) as process,
    ):
        yield behind, process
