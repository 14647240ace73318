"""What boto3 raises: each row of the SageMaker API's error mapping, on both calls.

The shapes are those of botocore's service model: ModelError is 424 and has four members,
ValidationError is 400, ModelNotReadyException is 429.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from botocore.exceptions import ClientError

from tests.contracts.conftest import Engine, Runtime, endpoint
from tests.harness.engines import free_port

Call = Callable[..., Awaitable[Any]]
UNKNOWN = "0123456789abcdef0123456789abcdef"
CONTROL_BODIES = [b'{"requestType": "NEW_SESSION"}', b'{"requestType": "CLOSE"}']


@pytest.fixture(params=["invoke", "stream"])
def call(request: pytest.FixtureRequest, runtime: Runtime) -> Call:
    """Both ways to invoke, since both fail the same way before any answer has begun."""
    chosen: Call = getattr(runtime, request.param)
    return chosen


async def refused(answer: Awaitable[Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        await answer
    response: dict[str, Any] = caught.value.response
    return response


def kind(response: dict[str, Any]) -> tuple[int, str]:
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def assert_model_error(response: dict[str, Any], status: int, words: str) -> None:
    assert kind(response) == (424, "ModelError")
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ModelError"
    assert response["OriginalStatusCode"] == status
    assert words in response["OriginalMessage"]
    assert response["Error"]["Message"]
    assert isinstance(response["LogStreamArn"], str)


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
async def test_an_error_of_the_engine_is_a_model_error(
    engine: Engine, call: Call, status: int
) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=status, text=f"no such thing: {status}")

    engine.behaviour = fail
    assert_model_error(await refused(call()), status, f"no such thing: {status}")


async def test_an_unknown_session_is_a_model_error(engine: Engine, call: Call) -> None:
    response = await refused(call(SessionId=UNKNOWN))
    assert_model_error(response, 400, f"session not found: {UNKNOWN}")
    assert engine.seen == []


async def test_a_closed_session_is_a_model_error(
    engine: Engine, runtime: Runtime, call: Call
) -> None:
    session_id = await runtime.open()
    await runtime.close(session_id)
    response = await refused(call(SessionId=session_id))
    assert_model_error(response, 400, f"session not found: {session_id}")
    assert engine.seen == []


async def test_closing_twice_is_a_model_error(runtime: Runtime) -> None:
    session_id = await runtime.open()
    await runtime.close(session_id)
    response = await refused(runtime.close(session_id))
    assert_model_error(response, 400, f"session not found: {session_id}")


async def test_an_expired_session_is_a_model_error(engine: Engine) -> None:
    async with endpoint(engine.url, SIDECAR_SESSIONS_TTL="1") as runtime:
        opened = await runtime.invoke(CONTROL_BODIES[0])
        session_id, _, expires = opened["NewSessionId"].partition("; Expires=")
        await asyncio.sleep(datetime.fromisoformat(expires).timestamp() - time.time())
        response = await refused(runtime.invoke(SessionId=session_id))
    assert_model_error(response, 400, f"session not found: {session_id}")
    assert engine.seen == []


async def test_closing_without_an_id_is_a_model_error(runtime: Runtime) -> None:
    response = await refused(runtime.invoke(b'{"requestType": "CLOSE"}'))
    assert_model_error(response, 424, "invalid session_id")


async def test_sessions_that_are_off_are_a_model_error(engine: Engine) -> None:
    async with endpoint(engine.url, SIDECAR_SESSIONS="off") as runtime:
        response = await refused(runtime.invoke(CONTROL_BODIES[0]))
    assert_model_error(response, 400, "stateful sessions not enabled")


# botocore checks no pattern, so these really arrive.
@pytest.mark.parametrize("session_id", ["sess_1", "-a", "a-", "a.b", "../a", "a b", "a" * 257])
async def test_a_malformed_id_is_a_validation_error(
    engine: Engine, call: Call, session_id: str
) -> None:
    response = await refused(call(SessionId=session_id))
    assert kind(response) == (400, "ValidationError")
    assert engine.seen == []


@pytest.mark.parametrize("body", CONTROL_BODIES)
async def test_a_control_body_on_the_stream_call_is_a_validation_error(
    engine: Engine, runtime: Runtime, body: bytes
) -> None:
    session_id = await runtime.open()
    response = await refused(runtime.stream(body, SessionId=session_id))
    assert kind(response) == (400, "ValidationError")
    assert engine.seen == []
    await runtime.invoke(SessionId=session_id)  # and nothing was closed


async def test_a_new_session_on_the_stream_call_is_a_validation_error(
    engine: Engine, runtime: Runtime
) -> None:
    response = await refused(runtime.stream(b'{"text": "hello"}', SessionId="NEW_SESSION"))
    assert kind(response) == (400, "ValidationError")
    assert engine.seen == []


@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_an_engine_that_is_not_ready_is_its_own_error(name: str) -> None:
    async with endpoint(f"http://127.0.0.1:{free_port()}") as runtime:
        response = await refused(getattr(runtime, name)())
    assert kind(response) == (429, "ModelNotReadyException")


async def test_the_same_error_is_plain_where_the_platform_calls(
    engine: Engine, runtime: Runtime
) -> None:
    """On /invocations the caller is SageMaker itself, which wraps the error on its own."""
    url = runtime.client.meta.endpoint_url + "/invocations"
    headers = {"X-Amzn-SageMaker-Session-Id": UNKNOWN}
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as response:
        assert response.status == 400
        assert "x-amzn-errortype" not in response.headers
        body = json.loads(await response.read())
    assert body["detail"] == body["error"]["message"] == f"session not found: {UNKNOWN}"
    assert body["error"]["code"] == 400
