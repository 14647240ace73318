"""The memory API behind a real socket, with a store and a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config

from sidecar.dialects.agentcore.memory.api import BODY_LIMIT, MemoryApi
from sidecar.dialects.intent import ApiRequest
from sidecar.sessions.store import Store
from tests.harness.clock import MovedClock

MEMORY = "chats-0123456789"
ACTOR = "alice"
SESSION = "s1"


class Calls:
    """boto3's client, called in a thread: what answers lives on this loop.

    The names that most tests use are given unless a call names others; None leaves one out.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    async def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        call = getattr(self.client, operation)
        answer: dict[str, Any] = await asyncio.to_thread(call, **members)
        return answer

    async def create(self, text: str = "hello", **members: Any) -> dict[str, Any]:
        """The event."""
        given = {"eventTimestamp": 1_760_000_000.5, "payload": [said(text)], **_KEY, **members}
        answer = await self("create_event", **_without_none(given))
        event: dict[str, Any] = answer["event"]
        return event

    async def listed(self, **members: Any) -> dict[str, Any]:
        return await self("list_events", **{**_KEY, **members})

    async def texts(self, **members: Any) -> list[str]:
        """What the events of all pages say, newest first."""
        pages = await asyncio.to_thread(
            lambda: list(self.client.get_paginator("list_events").paginate(**{**_KEY, **members}))
        )
        return [text_of(event) for page in pages for event in page["events"]]

    async def sessions(self, actor: str = ACTOR, **members: Any) -> list[str]:
        answer = await self("list_sessions", memoryId=MEMORY, actorId=actor, **members)
        return [each["sessionId"] for each in answer["sessionSummaries"]]

    async def actors(self, **members: Any) -> list[str]:
        answer = await self("list_actors", memoryId=MEMORY, **members)
        return [each["actorId"] for each in answer["actorSummaries"]]


_KEY = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}


def said(text: str, role: str = "USER") -> dict[str, Any]:
    return {"conversational": {"content": {"text": text}, "role": role}}


def text_of(event: Mapping[str, Any]) -> str:
    return str(event["payload"][0]["conversational"]["content"]["text"])


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def client(url: str, service: str = "bedrock-agentcore", **config: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-west-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        # One attempt, so that each test sees the first answer; no proxy of this machine.
        config=Config(**{"retries": {"total_max_attempts": 1}, "proxies": {}, **config}),
    )


@asynccontextmanager
async def serving(api: MemoryApi) -> AsyncIterator[str]:
    """The API's address."""

    async def handle(request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        answer = await api.handle(ApiRequest(request.method, path, query, headers, (), body))
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers=[("Content-Type", answer.content_type), *answer.headers],
        )

    application = web.Application(client_max_size=BODY_LIMIT)
    application.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


@dataclass
class Stage:
    """One API; `other` is a second process's on the same store's place."""

    clock: MovedClock
    store: Store

    @asynccontextmanager
    async def calls(self, **options: Any) -> AsyncIterator[Calls]:
        async with serving(self.api(**options)) as url:
            made = client(url)
            yield Calls(made)
            made.close()

    def api(
        self,
        *,
        declared: Mapping[str, int] | None = None,
        expiry_days: int = 90,
        strict: bool = False,
    ) -> MemoryApi:
        return MemoryApi(
            self.store,
            self.clock,
            declared=declared or {},
            expiry_days=expiry_days,
            strict=strict,
        )
