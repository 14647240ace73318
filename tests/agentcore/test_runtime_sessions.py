"""How runtime sessions end: stopped, idle, too old; and what keeps them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from botocore.exceptions import ClientError

from tests.agentcore.agents import Agent, agent, until
from tests.agentcore.invoking import HEADER, INVOCATIONS, ask, invoke, session, stop
from tests.agentcore.odd_agent import odd_agent, silent
from tests.agentcore.refusals import code, message
from tests.agentcore.stage import Calls
from tests.agentcore.whole import are_in_flight, calling, sidecar
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "Session not found or already terminated"


class Stage(NamedTuple):
    agent: Agent
    process: SidecarProcess
    calls: Calls


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with (
        agent() as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore") as process,
        calling(process) as calls,
    ):
        yield Stage(behind, process, calls)


async def is_there(calls: Calls, name: str) -> bool:
    """Ends it, too: there is no call that only looks."""
    try:
        await stop(calls, name)
    except ClientError:
        return False
    return True


async def test_stop(stage: Stage) -> None:
    await ask(stage.calls, "stopped")
    answer = await stop(stage.calls, "stopped")
    assert (answer["runtimeSessionId"], answer["statusCode"]) == (session("stopped"), 200)
    with pytest.raises(ClientError) as caught:
        await stop(stage.calls, "stopped")
    assert code(caught) == ("ResourceNotFoundException", 404)
    assert message(caught) == UNKNOWN
    await ask(stage.calls, "stopped")
    await stop(stage.calls, "stopped")


async def test_a_session_that_never_was_cannot_be_stopped(stage: Stage) -> None:
    with pytest.raises(ClientError) as caught:
        await stop(stage.calls, "never")
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_stop_needs_a_session(stage: Stage) -> None:
    url = f"{stage.process.url}{INVOCATIONS.replace('/invocations', '/stopruntimesession')}"
    async with aiohttp.ClientSession() as client, client.post(url) as answer:
        assert answer.status == 400
        assert answer.headers["x-amzn-errortype"] == "ValidationException"
        assert (await answer.json())["fieldList"][0]["name"] == "runtimeSessionId"


async def test_one_token_stops_once(stage: Stage) -> None:
    """The same call again has the same answer, and does nothing to a session that came after."""
    await ask(stage.calls, "token")
    token = str(uuid.uuid4())
    await stop(stage.calls, "token", clientToken=token)
    turn = asyncio.create_task(ask(stage.calls, "token", do="sleep", seconds=1.5, turn="token"))
    await stage.agent.until("begun", "token")
    await stop(stage.calls, "token", clientToken=token)
    assert (await turn)["session_id"] == session("token")
    assert await is_there(stage.calls, "token")


async def test_stop_cuts_what_is_being_answered(stage: Stage) -> None:
    stream = await invoke(stage.calls, "cut", do="stream", count=1000, every=0.05)
    waiting = asyncio.create_task(invoke(stage.calls, "cut", turn="waits behind it"))
    await asyncio.to_thread(next, stream["response"].iter_lines(chunk_size=1))
    await until(lambda: are_in_flight(stage.process, 2))
    await stop(stage.calls, "cut")
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|reset"):
        await asyncio.to_thread(stream["response"].read)
    with pytest.raises(ClientError) as caught:
        await waiting
    assert code(caught) == ("RuntimeClientError", 424)
    assert await stage.agent.seen("begun", "waits behind it") == 0


async def test_stop_closes_the_agents_connection() -> None:
    """So that an agent which looks can end what it does."""
    async with (
        odd_agent(silent) as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore") as process,
        calling(process) as calls,
    ):
        turn = asyncio.create_task(invoke(calls, "agent"))
        assert await eventually(lambda: behind.count() == 1)
        await stop(calls, "agent")
        with pytest.raises(ClientError) as caught:
            await turn
        assert code(caught) == ("RuntimeClientError", 424)
        assert "was cut" in message(caught)
        assert await eventually(lambda: behind.left == 1)


async def test_a_stop_at_another_process_cuts_within_a_second(stage: Stage) -> None:
    """Though the session has begun anew there before this one looks."""
    path = str(stage.process.sessions_path)
    async with (
        odd_agent(silent) as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore", SIDECAR_SESSIONS_PATH=path) as process,
        calling(process) as calls,
    ):
        turn = asyncio.create_task(invoke(calls, "elsewhere"))
        assert await eventually(lambda: behind.count() == 1)
        await stop(stage.calls, "elsewhere")
        await ask(stage.calls, "elsewhere")
        with pytest.raises(ClientError) as caught:
            await asyncio.wait_for(turn, 5)
        assert code(caught) == ("RuntimeClientError", 424)
        assert await is_there(stage.calls, "elsewhere")


async def test_idle_and_lifetime(stage: Stage) -> None:
    """At once, for each takes its time."""
    async with (
        sidecar(
            stage.agent.url,
            SIDECAR_DIALECTS="agentcore",
            SIDECAR_AGENTCORE_IDLE="2",
            SIDECAR_AGENTCORE_LIFETIME="6",
        ) as process,
        calling(process) as calls,
    ):
        await asyncio.gather(
            an_idle_session_ends(calls),
            a_turn_is_not_idle(calls),
            a_websocket_is_not_idle(process, calls),
            a_session_that_is_too_old_ends_in_the_middle_of_a_turn(calls),
        )


async def an_idle_session_ends(calls: Calls) -> None:
    await ask(calls, "idle")
    await asyncio.sleep(3.5)
    assert not await is_there(calls, "idle")


async def a_turn_is_not_idle(calls: Calls) -> None:
    assert (await ask(calls, "turn", do="sleep", seconds=4))["session_id"] == session("turn")
    assert await is_there(calls, "turn")


async def a_websocket_is_not_idle(process: SidecarProcess, calls: Calls) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(
            f"{process.url}{INVOCATIONS.replace('/invocations', '/ws')}",
            headers={HEADER: session("talks")},
        ) as socket,
    ):
        await socket.receive_json()
        await asyncio.sleep(4)
        assert await is_there(calls, "talks")


async def a_session_that_is_too_old_ends_in_the_middle_of_a_turn(calls: Calls) -> None:
    with pytest.raises(ClientError) as caught:
        await invoke(calls, "old", do="sleep", seconds=20)
    assert code(caught) == ("RuntimeClientError", 424)
    assert (await ask(calls, "old"))["session_id"] == session("old")


async def test_a_session_stays_with_one_of_several_agents(stage: Stage) -> None:
    async with agent() as second:
        urls = f"{stage.agent.url},{second.url}"
        async with (
            sidecar(urls, SIDECAR_DIALECTS="agentcore") as process,
            calling(process) as calls,
            aiohttp.ClientSession() as client,
        ):
            names = [f"placed{number}" for number in range(4)]
            for count in (1, 2):
                for name in names:
                    assert (await ask(calls, name, turn=name))["count"] == count
            placed = [await second.seen("begun", name) for name in names]
            assert sorted(placed) == [0, 0, 2, 2]
            for name, turns in zip(names, placed, strict=True):
                before = await second.seen("begun", "websocket")
                url = f"{process.url}{INVOCATIONS.replace('/invocations', '/ws')}"
                async with client.ws_connect(url, headers={HEADER: session(name)}) as socket:
                    await socket.receive_json()
                assert await second.seen("begun", "websocket") - before == (1 if turns else 0)


async def test_a_busy_agent_is_not_idle(stage: Stage) -> None:
    """HealthyBusy is said of the whole process."""
    async with (
        agent() as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore", SIDECAR_AGENTCORE_IDLE="2") as process,
        calling(process) as calls,
        aiohttp.ClientSession() as client,
    ):
        await ask(calls, "busy", do="busy")
        async with client.get(f"{process.url}/ping") as answer:
            assert (await answer.json())["status"] == "HealthyBusy"
        await asyncio.sleep(4)
        assert await is_there(calls, "busy")
        await ask(calls, "later", do="idle")
        await asyncio.sleep(3.5)
        assert not await is_there(calls, "later")
