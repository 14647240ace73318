"""Triton's sequences as a client of the sidecar sees them: sessions that add up numbers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.engines.caller import Answer, Caller
from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess

NOTHING = [{"name": "NUMBER", "datatype": "INT32", "shape": [1, 1], "data": [0]}]
VARIABLES = {
    "triton": ("CLOSE_INPUTS",),
    "triton-uint64": ("CLOSE_INPUTS",),
    "triton-eager": ("CLOSE_INPUTS", "OPEN_INPUTS"),
}


class Adder(Caller):
    def __init__(self, sidecar: SidecarProcess) -> None:
        super().__init__(sidecar.url)
        self.sidecar = sidecar


@asynccontextmanager
async def adding(
    triton: EngineProcess, model: str, preset: str = "triton", own: str | None = None, **more: str
) -> AsyncIterator[Adder]:
    """A sidecar with that preset, or with an own file that extends it."""
    inputs = {f"SIDECAR_PRESET_{name}": json.dumps(NOTHING) for name in VARIABLES[preset]}
    variables: dict[str, Any] = {
        "SIDECAR_ENGINE_PRESET": own or preset,
        "SIDECAR_PRESET_MODEL": model,
        **inputs,
        **more,
    }
    process = SidecarProcess(triton.url, **variables)
    async with process, Adder(process) as caller:
        yield caller


async def add(caller: Caller, session_id: str, number: int, **parameters: Any) -> Answer:
    inputs = [NOTHING[0] | {"data": [number]}]
    return await caller.post(
        "/invocations", session_id, json={"parameters": parameters, "inputs": inputs}
    )


async def total(caller: Caller, session_id: str, number: int, **parameters: Any) -> int:
    """The sum so far, of the engine's own answer."""
    answer = await add(caller, session_id, number, **parameters)
    assert answer.status == 200, answer.body
    [output] = json.loads(answer.body)["outputs"]
    assert output["name"] == "SUM"
    found: int = output["data"][0]
    return found


async def has_room(triton: EngineProcess, model: str) -> None:
    """Asked of Triton itself: a request that begins and ends a sequence waits until there is."""
    whole = {"sequence_id": "room", "sequence_start": True, "sequence_end": True}
    async with Caller(triton.url) as engine, asyncio.timeout(15):
        request = {"parameters": whole, "inputs": NOTHING}
        answer = await engine.post(f"/v2/models/{model}/infer", json=request)
    assert answer.status == 200, answer.body


async def closed(caller: Caller, session_id: str) -> Answer:
    return await caller.post("/invocations", session_id, json={"requestType": "CLOSE"})


def is_not_found(answer: Answer, session_id: str) -> bool:
    return answer.status == 400 and f"session not found: {session_id}" in answer.body.decode()
