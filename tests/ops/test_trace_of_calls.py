"""A trace also goes on with what a dialect asks of the engine in its own words."""

import json
from typing import Any

import aiohttp
import pytest

from tests.harness.collector import SERVER, Collector
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Exchange, RecordingEngine
from tests.life.asking import ping_becomes

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CAUSE = {
    "traceparent": f"00-{TRACE}-{PARENT}-01",
    "tracestate": "rojo=1",
    "baggage": "a=b",
}
ARN = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime%2Fagent-0123456789"
# The dialect, the call of its client, and the engine's path that is asked for it.
CALLS = [
    ("inferencesh", "/apps/run", {"app": "my-app", "input": {"x": 1}}, "/invocations"),
    ("inferencesh", "/apps/run", {"app": "chat", "input": {"message": "hi"}}, "/v1/chat"),
    ("agentcore", f"/runtimes/{ARN}/invocations", {"prompt": "hi"}, "/invocations"),
]


async def in_json(exchange: Exchange) -> None:
    await exchange.read_body()
    said = {"choices": [{"message": {"content": "hello"}}]}
    await exchange.reply(json.dumps(said).encode(), b"Content-Type: application/json")


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(("dialect", "path", "body", "at"), CALLS)
async def test_the_engine_learns_of_it(
    dialect: str, path: str, body: dict[str, object], at: str, made: bool
) -> None:
    async with Collector() as collector, RecordingEngine(in_json) as engine:
        variables: dict[str, Any] = collector.variables if made else {}
        async with SidecarProcess(
            engine.url,
            SIDECAR_DIALECTS=dialect,
            SIDECAR_INFERENCESH_APPS='{"chat": {"path": "/v1/chat", "adapter": "chat"}}',
            **variables,
        ) as sidecar:
            await ping_becomes(sidecar, 200, 10)
            url = f"{sidecar.url}{path}"
            async with (
                aiohttp.ClientSession() as client,
                client.post(url, json=body, headers=CAUSE) as answer,
            ):
                assert answer.status == 200, await answer.text()
                await answer.read()
            record = await engine.arrived(at.encode())
            told = {name: record.values(name.encode())[0].decode() for name in CAUSE}
            if made:
                server = await collector.below(PARENT)
                assert server.kind == SERVER
                assert told.pop("traceparent").split("-")[1:3] == [TRACE, server.span_id.hex()]
            assert told == {name: CAUSE[name] for name in told}
