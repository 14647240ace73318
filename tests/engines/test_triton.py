"""Triton behind the sidecar: its models learn the session from a header or from the body."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engines.caller import SESSION_ID, Answer, Caller
from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess

VISITS = "/v2/models/visits/infer"
COUNTER = "/v2/models/counter/infer"


@pytest.fixture
async def engine(triton: EngineProcess) -> AsyncIterator[Caller]:
    async with Caller(triton.url) as caller:
        yield caller


@pytest.fixture
async def sidecar(triton: EngineProcess) -> AsyncIterator[Caller]:
    async with SidecarProcess(triton.url) as process, Caller(process.url) as caller:
        yield caller


@pytest.fixture
async def injecting(triton: EngineProcess) -> AsyncIterator[Caller]:
    """A sidecar that writes the session where Triton looks for its sequences."""
    process = SidecarProcess(triton.url, SIDECAR_SESSION_BODY_PATH="parameters.sequence_id")
    async with process, Caller(process.url) as caller:
        yield caller


def text(value: str) -> dict[str, Any]:
    return {"inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1], "data": [value]}]}


def number(value: int, **parameters: Any) -> dict[str, Any]:
    inputs = [{"name": "NUMBER", "datatype": "INT32", "shape": [1, 1], "data": [value]}]
    return {"parameters": parameters, "inputs": inputs}


def outputs(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return {output["name"]: output["data"][0] for output in json.loads(answer.body)["outputs"]}


def error(answer: Answer) -> str:
    message: str = json.loads(answer.body)["error"]
    return message


async def test_the_model_sees_the_session(sidecar: Caller) -> None:
    ada, bob = await sidecar.open(), await sidecar.open()
    visits = [
        outputs(await sidecar.post(VISITS, session_id, json=text("hello")))
        for session_id in (ada, bob, ada)
    ]
    assert [visit["VISIT"] for visit in visits] == [1, 1, 2]
    assert json.loads(visits[-1]["PARAMETERS"]) == {SESSION_ID: ada}


async def test_the_model_sees_no_session_where_there_is_none(sidecar: Caller) -> None:
    visit = outputs(await sidecar.post(VISITS, json=text("hello")))
    assert json.loads(visit["PARAMETERS"]) == {}


async def test_an_unknown_session_never_reaches_the_model(engine: Caller, sidecar: Caller) -> None:
    before = outputs(await engine.post(VISITS, json=text("how many?")))["RUN"]
    refused = await sidecar.post(VISITS, "0123456789abcdef0123456789abcdef", json=text("hello"))
    assert refused.status == 400
    after = outputs(await engine.post(VISITS, json=text("how many?")))["RUN"]
    assert after == before + 1


async def test_compressed_bodies_stay_compressed(sidecar: Caller) -> None:
    """Triton itself unpacks the request and packs the answer; the sidecar must do neither."""
    session_id, words = await sidecar.open(), "hello " * 2000
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    body = gzip.compress(json.dumps(text(words)).encode())
    answer = await sidecar.post(VISITS, session_id, data=body, headers=headers)
    assert answer.headers["Content-Encoding"] == "gzip"
    unpacked = Answer(answer.status, answer.headers, gzip.decompress(answer.body))
    assert outputs(unpacked)["TEXT"] == words


async def test_a_session_is_a_sequence_of_triton(injecting: Caller) -> None:
    ada, bob = await injecting.open(), await injecting.open()
    sums = [
        outputs(await injecting.post(COUNTER, session_id, json=number(value, **parameters)))["SUM"]
        for session_id, value, parameters in (
            (ada, 5, {"sequence_start": True}),
            (bob, 100, {"sequence_start": True}),
            (ada, 7, {}),
            (bob, 11, {"sequence_end": True}),
            (ada, 1, {"sequence_end": True}),
        )
    ]
    assert sums == [5, 100, 12, 111, 13]


async def test_tritons_own_refusal_comes_through(injecting: Caller) -> None:
    session_id = await injecting.open()
    refused = await injecting.post(COUNTER, session_id, json=number(1))
    assert refused.status == 400
    assert f"sequence {session_id} to model 'counter' must specify the START flag" in error(refused)


async def test_a_client_cannot_name_anothers_sequence(injecting: Caller) -> None:
    ada, eve = await injecting.open(), await injecting.open()
    await injecting.post(COUNTER, ada, json=number(5, sequence_start=True))
    stolen = await injecting.post(COUNTER, eve, json=number(1, sequence_id=ada))
    assert f"sequence {eve} " in error(stolen)
