"""boto3's invoke_endpoint_with_response_stream: the engine's answer as an AWS event stream."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from botocore.exceptions import EventStreamError

from tests.contracts.conftest import Behaviour, Engine, Runtime

SESSION_ID = "X-Amzn-SageMaker-Session-Id"
WORDS = [b'data: {"word": "%d"}\n\n' % number for number in range(50)]


async def stream_words(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in WORDS:
        await response.write(word)
    return response


def answering(body: bytes) -> Behaviour:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    return answer


@asynccontextmanager
async def events(answer: dict[str, Any]) -> AsyncIterator[Any]:
    """An iterator whose `next` blocks; ends with its connection."""
    try:
        yield iter(answer["Body"])
    finally:
        answer["Body"].close()


async def payload(answer: dict[str, Any]) -> bytes:
    async with events(answer) as stream:
        parts = await asyncio.to_thread(list, stream)
    return b"".join(part["PayloadPart"]["Bytes"] for part in parts)


async def test_payload_parts_are_the_engines_bytes(engine: Engine, runtime: Runtime) -> None:
    engine.behaviour = stream_words
    session_id = await runtime.open()
    answer = await runtime.stream(SessionId=session_id)
    assert await payload(answer) == b"".join(WORDS)
    assert answer["ContentType"] == "text/event-stream"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    [seen] = engine.seen
    assert (seen.path, seen.headers.getall(SESSION_ID)) == ("/invocations", [session_id])


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
async def test_a_plain_answer_streams_too(engine: Engine, runtime: Runtime, size: int) -> None:
    body = random.Random(size).randbytes(size)
    engine.behaviour = answering(body)
    assert await payload(await runtime.stream()) == body


async def test_a_part_arrives_while_the_engine_still_writes(
    engine: Engine, runtime: Runtime
) -> None:
    arrived = asyncio.Event()

    async def wait_in_between(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.wait_for(arrived.wait(), 10)
        await response.write(b"second")
        return response

    engine.behaviour = wait_in_between
    async with events(await runtime.stream()) as stream:
        first = await asyncio.to_thread(next, stream)
        assert first["PayloadPart"]["Bytes"] == b"first"
        arrived.set()
        [second] = await asyncio.to_thread(list, stream)
    assert second["PayloadPart"]["Bytes"] == b"second"


@pytest.mark.parametrize("framing", ["chunked", "counted"])
async def test_a_break_in_the_middle_is_a_model_stream_error(
    engine: Engine, runtime: Runtime, framing: str
) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if framing == "counted":
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b"some words")
        assert request.transport is not None
        request.transport.close()
        return response

    engine.behaviour = break_off
    async with events(await runtime.stream()) as stream:
        first = await asyncio.to_thread(next, stream)
        assert first["PayloadPart"]["Bytes"] == b"some words"
        with pytest.raises(EventStreamError) as caught:
            await asyncio.to_thread(list, stream)
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert caught.value.response["Error"]["Message"]


async def test_accept_reaches_the_engine_under_its_own_name(
    engine: Engine, runtime: Runtime
) -> None:
    await payload(await runtime.stream(Accept="application/jsonlines"))
    [seen] = engine.seen
    assert seen.headers.getall("Accept") == ["application/jsonlines"]
    assert "X-Amzn-SageMaker-Accept" not in seen.headers
