"""An endpoint as boto3 sees it: its own client, the sidecar as a process, a scripted engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config
from multidict import CIMultiDictProxy

from tests.harness.process import SidecarProcess

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes


async def say_ok(request: web.Request) -> web.StreamResponse:
    return web.json_response({"ok": True})


@dataclass
class Engine:
    """Answers as the test says; `seen` holds what was asked, the sidecar's probes apart."""

    behaviour: Behaviour = say_ok
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ping":
            return web.Response()
        self.seen.append(Seen(request.path, request.headers, await request.read()))
        return await self.behaviour(request)


class Runtime:
    """boto3's sagemaker-runtime client, called in a thread: the engine lives on this loop."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def invoke(self, body: bytes = b"{}", **parameters: Any) -> dict[str, Any]:
        """`Body` of what comes back is its bytes."""
        return await asyncio.to_thread(self._invoke, body, parameters)

    async def stream(self, body: bytes = b"{}", **parameters: Any) -> dict[str, Any]:
        call = self.client.invoke_endpoint_with_response_stream
        answer: dict[str, Any] = await asyncio.to_thread(
            call, EndpointName="chat", Body=body, **parameters
        )
        return answer

    async def open(self) -> str:
        answer = await self.invoke(b'{"requestType": "NEW_SESSION"}')
        return str(answer["NewSessionId"]).partition(";")[0]

    async def close(self, session_id: str) -> dict[str, Any]:
        return await self.invoke(b'{"requestType": "CLOSE"}', SessionId=session_id)

    def _invoke(self, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.invoke_endpoint(EndpointName="chat", Body=body, **parameters)
        return {**answer, "Body": answer["Body"].read()}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", engine.handle)
    async with TestServer(application) as server:
        engine.url = str(server.make_url("")).rstrip("/")
        yield engine


@asynccontextmanager
async def endpoint(engine_url: str, **variables: Any) -> AsyncIterator[Runtime]:
    """A sidecar with these variables, and boto3 knowing only its address."""
    async with SidecarProcess(engine_url, **variables) as sidecar:
        client = sagemaker_runtime(endpoint_url=sidecar.url)
        yield Runtime(client)
        client.close()


@pytest.fixture
async def runtime(engine: Engine) -> AsyncIterator[Runtime]:
    async with endpoint(engine.url) as runtime:
        yield runtime


def sagemaker_runtime(**parameters: Any) -> Any:
    return boto3.client(
        "sagemaker-runtime",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        # One attempt, so that each test sees the first answer; no proxy of this machine.
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
        **parameters,
    )
