"""boto3's sagemaker-runtime client, unmodified: sessions and the parameters of invoke_endpoint.

What each call sends and reads is botocore's service model `sagemaker-runtime/2017-05-13`.
"""

import json
import re

import pytest
from aiohttp import web

from tests.contracts.conftest import Engine, Runtime, sagemaker_runtime
from tests.harness.process import SidecarProcess

# The service model's patterns of NewSessionResponseHeader and SessionIdHeader.
NEW_SESSION_ID = re.compile(
    r"[a-zA-Z0-9](-*[a-zA-Z0-9])*;\sExpires=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
)
SESSION_ID = "X-Amzn-SageMaker-Session-Id"


async def test_invoke_endpoint_is_the_engines_invocations(engine: Engine, runtime: Runtime) -> None:
    answer = await runtime.invoke(b"\x00\xffany bytes", ContentType="text/csv", Accept="image/png")
    [seen] = engine.seen
    assert (seen.path, seen.body) == ("/invocations", b"\x00\xffany bytes")
    assert (seen.headers["Content-Type"], seen.headers["Accept"]) == ("text/csv", "image/png")
    assert json.loads(answer["Body"]) == {"ok": True}
    assert answer["ContentType"] == "application/json; charset=utf-8"
    assert "NewSessionId" not in answer
    assert "ClosedSessionId" not in answer


async def test_invoke_endpoint_creates_uses_and_closes(engine: Engine, runtime: Runtime) -> None:
    created = await runtime.invoke(b'{"requestType": "NEW_SESSION"}')
    assert NEW_SESSION_ID.fullmatch(created["NewSessionId"])
    assert len(created["NewSessionId"]) <= 256
    session_id = created["NewSessionId"].partition(";")[0]
    assert created["Body"].decode() == f"Session {session_id} created"
    assert engine.seen == []

    await runtime.invoke(b'{"text": "hello"}', SessionId=session_id)
    [seen] = engine.seen
    assert seen.headers.getall(SESSION_ID) == [session_id]

    closed = await runtime.close(session_id)
    assert closed["ClosedSessionId"] == session_id
    assert closed["Body"].decode() == f"Session {session_id} closed"
    assert len(engine.seen) == 1


async def test_invoke_endpoint_creates_on_first_use(engine: Engine, runtime: Runtime) -> None:
    answer = await runtime.invoke(b'{"text": "hello"}', SessionId="NEW_SESSION")
    assert NEW_SESSION_ID.fullmatch(answer["NewSessionId"])
    assert json.loads(answer["Body"]) == {"ok": True}
    [seen] = engine.seen
    assert seen.headers.getall(SESSION_ID) == [answer["NewSessionId"].partition(";")[0]]


@pytest.mark.parametrize("body", [b'{"requestType": "NEW_SESSION"}', b'{"text": "hello"}'])
async def test_invoked_production_variant_is_all_traffic(runtime: Runtime, body: bytes) -> None:
    answer = await runtime.invoke(body)
    assert answer["InvokedProductionVariant"] == "AllTraffic"


async def test_custom_attributes_go_both_ways(engine: Engine, runtime: Runtime) -> None:
    name = "X-Amzn-SageMaker-Custom-Attributes"

    async def trace(request: web.Request) -> web.Response:
        return web.Response(headers={name: request.headers[name] + "-seen"})

    engine.behaviour = trace
    answer = await runtime.invoke(CustomAttributes="trace-1")
    assert answer["CustomAttributes"] == "trace-1-seen"


async def test_the_engine_sees_no_credentials(engine: Engine, runtime: Runtime) -> None:
    """The signature is for the API, which keeps it; an engine that logs headers must not."""
    await runtime.invoke()
    [seen] = engine.seen
    sent = {name.lower() for name in seen.headers}
    assert not {name for name in sent if name == "authorization" or name.startswith("x-amz-")}


async def test_the_address_may_come_from_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SidecarProcess(engine.url) as sidecar:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", sidecar.url)
        client = sagemaker_runtime()
        answer = await Runtime(client).invoke()
        client.close()
    assert json.loads(answer["Body"]) == {"ok": True}
