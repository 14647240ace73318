"""What a platform asks: /ping, again and again, on a new connection each time."""

import asyncio
import json
import socket
from typing import Any

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.watch import Watch

# SageMaker's limit for an answer to /ping, whatever the answer is.
PING_LIMIT = 2.0


def get(path: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path


def takes_connections(port: int) -> bool:
    """At once: a listener that is about to close ignores newcomers, and TCP would try for long."""
    with socket.socket() as probe:
        probe.settimeout(0.1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def once(port: int, request: bytes, limit: float = 10.0) -> Answer:
    async with await RawClient.connect(port) as client:
        return await client.ask(request, limit)


async def ping(sidecar: SidecarProcess) -> Answer:
    return await once(sidecar.port, get(b"/ping"), PING_LIMIT)


async def ping_becomes(sidecar: SidecarProcess, status: int, within: float) -> None:
    watch = Watch()
    while (await ping(sidecar)).status != status:
        assert watch.worked() < within, watch
        await asyncio.sleep(0.02)


def assert_try_again(answer: Answer, *named: str) -> None:
    """A 503 that says in JSON what is the matter, and when to come back."""
    assert answer.status == 503
    assert int(answer.values(b"Retry-After")[0]) > 0
    body: dict[str, Any] = json.loads(answer.body)
    for word in named:
        assert word in body["error"]["message"]
