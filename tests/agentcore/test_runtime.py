"""Turns of an agent of the real SDK behind the sidecar, asked for with boto3."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from botocore.exceptions import ClientError

from tests.agentcore.agents import Agent, agent
from tests.agentcore.invoking import (
    ARN,
    HEADER,
    INVOCATIONS,
    ask,
    body,
    events,
    invoke,
    session,
    stop,
)
from tests.agentcore.refusals import code, fields, message
from tests.agentcore.stage import Calls
from tests.agentcore.whole import calling, sidecar
from tests.harness.process import SidecarProcess
from tests.harness.watch import Watch

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Stage(NamedTuple):
    agent: Agent
    process: SidecarProcess
    calls: Calls


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    variables = {"SIDECAR_DIALECTS": "agentcore", "SIDECAR_AGENTCORE_MEMORY_ID": "mine-0123456789"}
    async with (
        agent() as behind,
        sidecar(behind.url, **variables) as process,
        calling(process) as calls,
    ):
        yield Stage(behind, process, calls)


async def test_turns_of_a_session(stage: Stage) -> None:
    first = await invoke(stage.calls, "a")
    assert (first["runtimeSessionId"], first["contentType"]) == (session("a"), "application/json")
    assert first["ResponseMetadata"]["RequestId"]
    assert await body(first) == {"session_id": session("a"), "count": 1}
    assert (await ask(stage.calls, "b"))["count"] == 1
    assert (await ask(stage.calls, "a"))["count"] == 2


async def test_an_id_is_made_where_the_client_sent_none(stage: Stage) -> None:
    """boto3 always sends one; a shared one would join all who do not."""
    made = set()
    async with aiohttp.ClientSession() as client:
        for _ in range(2):
            async with client.post(f"{stage.process.url}{INVOCATIONS}", json={}) as answer:
                made.add(answer.headers[HEADER])
                assert await answer.json() == {"session_id": answer.headers[HEADER], "count": 1}
    assert len(made) == 2


async def test_events_of_a_stream_come_one_by_one(stage: Stage) -> None:
    answer = await invoke(stage.calls, "events", do="stream", count=4, every=0.3)
    assert answer["contentType"].startswith("text/event-stream")

    def read() -> tuple[list[str], list[float]]:
        lines, times = [], []
        for line in answer["response"].iter_lines(chunk_size=1):
            if line:
                lines.append(line.decode())
                times.append(time.monotonic())
        return lines, times

    lines, times = await asyncio.to_thread(read)
    assert lines == [f'data: {{"number": {number}, "text": ""}}' for number in range(4)]
    assert times[3] - times[0] > 0.6


async def test_an_error_within_a_stream_is_the_agents_last_event(stage: Stage) -> None:
    answer = await invoke(stage.calls, "broken", do="stream", count=9, fails_after=1)
    *good, last = events(await asyncio.to_thread(answer["response"].read))
    assert [event["number"] for event in good] == [0, 1]
    assert last["error"] == "the stream is over"


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
async def test_answers_of_any_size_come_whole(stage: Stage, size: int) -> None:
    wish = {"do": "answer", "status": 200, "body": "x" * size, "type": "text/plain"}
    answer = await invoke(stage.calls, f"size{size}", **wish)
    assert await asyncio.to_thread(answer["response"].read) == b"x" * size
    assert answer["contentType"].startswith("text/plain")


async def test_an_agent_that_has_nothing_to_say(stage: Stage) -> None:
    """Its 204 is a stream without an event: the connection can be used again."""
    for _ in range(2):
        answer = await invoke(stage.calls, "nothing", do="answer", status=204, body="")
        assert answer["statusCode"] == 200
        assert await asyncio.to_thread(answer["response"].read) == b""
        assert (await ask(stage.calls, "nothing"))["session_id"] == session("nothing")


async def test_what_the_agent_is_told(stage: Stage) -> None:
    """The names that the SDK hands on to `context.request_headers`; no signature for AWS."""
    answer = await stage.calls(
        "invoke_agent_runtime",
        agentRuntimeArn=ARN,
        runtimeSessionId=session("told"),
        runtimeUserId="alice",
        contentType="application/json",
        accept="text/event-stream",
        mcpSessionId="mcp-1",
        traceParent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        baggage="a=b",
        payload=b'{"do": "headers"}',
    )
    told = await body(answer)
    prefix = "x-amzn-bedrock-agentcore-runtime-"
    assert told["session"] == session("told")
    assert told["shown"][f"{prefix}custom-actor-id"] == "alice"
    assert told["shown"][f"{prefix}custom-memory-id"] == "mine-0123456789"
    everything = told["all"]
    assert everything[f"{prefix}user-id"] == "alice"
    assert uuid.UUID(everything[f"{prefix}request-id"]).version == 4
    assert everything["content-type"] == "application/json"
    assert everything["accept"] == "text/event-stream"
    assert everything["mcp-session-id"] == "mcp-1"
    assert everything["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert everything["baggage"] == "a=b"
    assert not [name for name in everything if name.startswith(("amz-sdk", "x-amz-"))]
    assert "authorization" not in everything


async def test_a_client_that_speaks_for_itself(stage: Stage) -> None:
    """What it says of actor and memory is not replaced; a workload's token goes on."""
    sent = {
        "X-Amzn-Bedrock-AgentCore-Runtime-User-Id": "alice",
        "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Actor-Id": "bob",
        "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Memory-Id": "other",
        "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Shop": "7",
        "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id": "r-1",
        "X-Amz-Bedrock-AgentCore-Identity-WAT": "token",
        "Authorization": "Bearer secret",
    }
    url = f"{stage.process.url}{INVOCATIONS}"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, json={"do": "headers"}, headers=sent) as answer,
    ):
        told = await answer.json()
    prefix = "x-amzn-bedrock-agentcore-runtime-"
    assert told["shown"] == {
        f"{prefix}custom-actor-id": "bob",
        f"{prefix}custom-memory-id": "other",
        f"{prefix}custom-shop": "7",
        "x-amz-bedrock-agentcore-identity-wat": "token",
    }
    assert told["all"][f"{prefix}request-id"] == "r-1"
    assert "authorization" not in told["all"]


async def test_a_token_goes_on_where_that_is_configured(stage: Stage) -> None:
    variables = {"SIDECAR_AGENTCORE_AUTHORIZATION": "on"}
    async with (
        sidecar(stage.agent.url, **variables) as process,
        calling(process) as calls,
        aiohttp.ClientSession() as client,
    ):
        bearer = {"Authorization": "Bearer secret"}
        url = f"{process.url}{INVOCATIONS}"
        async with client.post(url, json={"do": "headers"}, headers=bearer) as answer:
            assert (await answer.json())["all"]["authorization"] == "Bearer secret"
        told = await ask(calls, "signed", do="headers")  # boto3 signs it
        assert "authorization" not in told["all"]


async def test_an_arn_may_come_as_it_is(stage: Stage) -> None:
    """Unencoded it has a slash; and its bare id with the account names the same runtime."""
    headers = {HEADER: session("ways")}
    ways = (
        INVOCATIONS,
        f"/runtimes/{ARN}/invocations",
        "/runtimes/chat-AbCdEf0123/invocations?accountId=123456789012",
        f"{INVOCATIONS}?qualifier=DEFAULT",
    )
    async with aiohttp.ClientSession() as client:
        for way in ways:
            url = f"{stage.process.url}{way}"
            async with client.post(url, json={}, headers=headers) as answer:
                assert answer.status == 200, way
            await stop(stage.calls, "ways")  # found only if it is the same session


async def test_qualifiers_are_sessions_of_their_own(stage: Stage) -> None:
    await ask(stage.calls, "qualified")
    with pytest.raises(ClientError) as caught:
        await stop(stage.calls, "qualified", qualifier="beta")
    assert code(caught) == ("ResourceNotFoundException", 404)
    await stop(stage.calls, "qualified", qualifier="DEFAULT")


async def test_turns_of_a_session_wait_for_each_other(stage: Stage) -> None:
    wish = {"do": "sleep", "seconds": 0.3}
    answers = await asyncio.gather(*(ask(stage.calls, "queue", **wish) for _ in range(3)))
    assert sorted(answer["count"] for answer in answers) == [1, 2, 3]
    assert await stage.agent.seen("overlaps", session("queue")) == 1


async def test_turns_of_several_sessions_do_not(stage: Stage) -> None:
    watch = Watch()
    await asyncio.gather(
        *(ask(stage.calls, f"alone{each}", do="sleep", seconds=1.0) for each in range(3))
    )
    assert watch.worked() < 2.5, watch


async def test_an_agents_error_is_424_with_its_own_words(stage: Stage) -> None:
    with pytest.raises(ClientError) as caught:
        await invoke(stage.calls, "fails", do="fail", words="no such tool: calculator")
    assert code(caught) == ("RuntimeClientError", 424)
    assert "Received error (500) from runtime" in message(caught)
    assert "no such tool: calculator" in message(caught)
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPHeaders"][HEADER.lower()] == session("fails")
    assert metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert (await ask(stage.calls, "fails"))["count"] == 2


async def test_an_agents_error_is_bounded(stage: Stage) -> None:
    with pytest.raises(ClientError) as caught:
        await invoke(stage.calls, "fails", do="answer", status=418, body="é" * 100_000)
    assert code(caught) == ("RuntimeClientError", 424)
    assert "(418)" in message(caught)
    assert 500 < len(message(caught)) < 2500


async def test_what_is_no_json_is_the_agents_to_refuse(stage: Stage) -> None:
    with pytest.raises(ClientError) as caught:
        await stage.calls("invoke_agent_runtime", agentRuntimeArn=ARN, payload=b"{")
    assert code(caught) == ("RuntimeClientError", 424)
    assert "(400)" in message(caught)
    assert "Invalid JSON" in message(caught)


async def test_a_payload_is_100_mb_at_most(stage: Stage) -> None:
    payload = json.dumps({"do": "count", "fill": "x" * 5_000_000}).encode()
    answer = await stage.calls("invoke_agent_runtime", agentRuntimeArn=ARN, payload=payload)
    assert (await body(answer))["count"] == 1
    headers = {"Content-Length": "100000001", "Content-Type": "application/json"}
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.process.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {INVOCATIONS} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-amzn-errortype: ValidationException" in head
    writer.close()
    await writer.wait_closed()


OTHERS = [
    ("GET", "/invocations"),
    ("POST", "/commands"),
    ("GET", "/invocations/.well-known/agent-card.json"),
    ("GET", "/ws/shells"),
    ("GET", "/stopruntimesession"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
async def test_other_operations_are_501(stage: Stage, method: str, path: str) -> None:
    """A status that no SDK tries again."""
    url = f"{stage.process.url}{INVOCATIONS.removesuffix('/invocations')}{path}"
    async with aiohttp.ClientSession() as client, client.request(method, url) as answer:
        assert answer.status == 501
        assert answer.headers["x-amzn-errortype"] == "UnsupportedOperationException"
        assert "is not provided by this sidecar" in (await answer.json())["message"]


async def test_a_session_id_may_be_short_but_not_longer_than_256(stage: Stage) -> None:
    async with calling(stage.process, parameter_validation=False) as calls:
        wish = {"agentRuntimeArn": ARN, "payload": b"{}"}
        answer = await calls("invoke_agent_runtime", runtimeSessionId="conv1", **wish)
        assert answer["runtimeSessionId"] == "conv1"
        assert (await body(answer))["session_id"] == "conv1"
        for operation, members in (
            ("invoke_agent_runtime", wish),
            ("stop_runtime_session", {"agentRuntimeArn": ARN}),
        ):
            with pytest.raises(ClientError) as caught:
                await calls(operation, runtimeSessionId="x" * 257, **members)
            assert code(caught) == ("ValidationException", 400)
            assert fields(caught) == ["runtimeSessionId"]


STRICT = [
    ("invoke_agent_runtime", {"runtimeSessionId": "x" * 32}, "runtimeSessionId"),
    ("invoke_agent_runtime", {"runtimeSessionId": "x" * 257}, "runtimeSessionId"),
    ("invoke_agent_runtime", {"runtimeUserId": "u" * 1025}, "runtimeUserId"),
    ("invoke_agent_runtime", {"traceParent": "t" * 129}, "traceParent"),
    ("stop_runtime_session", {"runtimeSessionId": "x" * 32}, "runtimeSessionId"),
    ("stop_runtime_session", {"runtimeSessionId": "x" * 33, "clientToken": "t"}, "clientToken"),
]


async def test_what_amazons_service_refuses_is_refused_where_that_is_wished(stage: Stage) -> None:
    async with (
        sidecar(stage.agent.url, SIDECAR_AGENTCORE_STRICT="on") as process,
        calling(process, parameter_validation=False) as calls,
    ):
        for operation, members, field in STRICT:
            with pytest.raises(ClientError) as caught:
                await calls(operation, agentRuntimeArn=ARN, **members)
            assert code(caught) == ("ValidationException", 400)
            assert fields(caught) == [field]
        answer = await ask(calls, "long enough", do="count")
        assert answer["count"] == 1


async def test_without_an_arn(stage: Stage) -> None:
    """As the tools do that talk to an agent on their own machine, with ids of any length."""
    headers = {HEADER: "local-dev-session"}
    async with aiohttp.ClientSession() as client:
        for count in (1, 2):
            url = f"{stage.process.url}/invocations"
            async with client.post(url, json={}, headers=headers) as answer:
                assert answer.headers[HEADER] == "local-dev-session"
                assert (await answer.json())["count"] == count
        async with client.get(f"{stage.process.url}/ping") as answer:
            pong = await answer.json()
            assert pong["status"] == "Healthy"
            assert pong["time_of_last_update"] > 1_600_000_000


async def test_beside_sagemaker_the_header_tells_them_apart(stage: Stage) -> None:
    async with (
        sidecar(stage.agent.url, SIDECAR_DIALECTS="sagemaker,agentcore") as process,
        aiohttp.ClientSession() as client,
    ):
        url = f"{process.url}/invocations"
        async with client.post(url, json={}) as answer:
            assert HEADER not in answer.headers
            assert (await answer.json())["session_id"] is None
        async with client.post(url, json={}, headers={HEADER: "mine"}) as answer:
            assert (await answer.json())["session_id"] == "mine"
        async with client.post(url, json={"requestType": "NEW_SESSION"}) as answer:
            assert "Expires=" in answer.headers["X-Amzn-SageMaker-New-Session-Id"]
