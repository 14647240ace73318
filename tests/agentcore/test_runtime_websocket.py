"""WebSockets of runtime sessions, to the agent's own path."""

import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import pytest_asyncio
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.agentcore.agents import Agent, agent
from tests.agentcore.invoking import HEADER, INVOCATIONS, ask, session, stop
from tests.agentcore.refusals import code
from tests.agentcore.stage import Calls
from tests.agentcore.whole import calling, sidecar
from tests.harness.process import SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

WS = INVOCATIONS.replace("/invocations", "/ws")


class Stage(NamedTuple):
    agent: Agent
    process: SidecarProcess
    calls: Calls


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """Beside SageMaker's dialect, whose engine has a /ws of its own."""
    async with agent() as behind, sidecar(behind.url) as process, calling(process) as calls:
        yield Stage(behind, process, calls)


def dial(stage: Stage, path: str, session_id: str | None = None) -> connect:
    headers = {} if session_id is None else {HEADER: session_id}
    url = f"ws://127.0.0.1:{stage.process.port}{path}"
    return connect(url, additional_headers=headers, proxy=None)


async def greeted(connection: Any) -> dict[str, str]:
    first: dict[str, str] = json.loads(await connection.recv())
    return first


@pytest.mark.parametrize("path", [WS, "/ws"])
async def test_messages_go_both_ways(stage: Stage, path: str) -> None:
    async with dial(stage, path, session("talks")) as connection:
        assert await greeted(connection) == {"session": session("talks"), "query": ""}
        for text in ("hello", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 100_000):
            await connection.send(text)
            assert await connection.recv() == text


@pytest.mark.parametrize("path", [WS, "/ws"])
async def test_a_presigned_address_has_the_session_in_its_query(stage: Stage, path: str) -> None:
    """With a signature that the agent does not see; what is the client's own it does."""
    query = (
        f"qualifier=DEFAULT&{HEADER}={session('signed')}&X-Amz-Signature=abc&X-Amz-Date=d"
        "&room=blue%20one"
    )
    async with dial(stage, f"{path}?{query}") as connection:
        told = await greeted(connection)
    assert told == {"session": session("signed"), "query": "room=blue+one"}


async def test_an_id_is_made_where_the_client_sent_none(stage: Stage) -> None:
    async with dial(stage, WS) as one, dial(stage, WS) as other:
        made = {(await greeted(each))["session"] for each in (one, other)}
    assert len(made) == 2
    assert all(len(each) == 36 for each in made)


async def test_without_a_session_the_path_is_the_engines(stage: Stage) -> None:
    async with dial(stage, "/ws?room=1") as connection:
        assert await greeted(connection) == {"session": None, "query": "room=1"}


INJECTED = [quote(f"a{mark}X-Injected: 1") for mark in ("\r\n", "\n", "\0", "\N{GHOST}")]


@pytest.mark.parametrize("text", [*INJECTED, quote(" padded "), "x" * 257])
async def test_what_cannot_be_in_a_header_is_refused(stage: Stage, text: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with dial(stage, f"{WS}?{HEADER}={text}"):
            pass
    response = caught.value.response
    assert response.status_code == 400
    assert response.headers["x-amzn-errortype"] == "ValidationException"


async def test_it_belongs_to_a_session_that_can_be_stopped(stage: Stage) -> None:
    before = await stage.agent.seen("ended", "websocket")
    async with dial(stage, WS, session("stopped")) as connection:
        await greeted(connection)
        await stop(stage.calls, "stopped")
        with pytest.raises(ConnectionClosed):
            await connection.recv()
    await stage.agent.until("ended", "websocket", before + 1)
    with pytest.raises(ClientError) as caught:
        await stop(stage.calls, "stopped")
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_turns_go_on_beside_it(stage: Stage) -> None:
    async with dial(stage, WS, session("both")) as connection:
        await greeted(connection)
        assert (await ask(stage.calls, "both"))["session_id"] == session("both")
        await connection.send("still here")
        assert await connection.recv() == "still here"
