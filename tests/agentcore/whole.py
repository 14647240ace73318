"""The whole sidecar with the AgentCore dialect on, as its users run it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.agentcore.stage import Calls, client
from tests.harness.process import SidecarProcess


@asynccontextmanager
async def sidecar(engine: str, **variables: Any) -> AsyncIterator[SidecarProcess]:
    variables = {"SIDECAR_DIALECTS": "sagemaker,agentcore", **variables}
    async with SidecarProcess(engine, **variables) as process:
        yield process


@asynccontextmanager
async def calling(process: SidecarProcess, **config: Any) -> AsyncIterator[Calls]:
    """boto3, knowing only the address."""
    made = client(process.url, **config)
    yield Calls(made)
    made.close()


async def are_in_flight(process: SidecarProcess, count: int) -> bool:
    url = f"{process.admin_url}/metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return f"\nsidecar_requests_in_flight {count}.0\n" in await answer.text()
