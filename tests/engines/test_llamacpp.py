"""llama.cpp behind the sidecar: the answers are its own, and it is told when a client leaves."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engines.caller import SESSION_ID, Answer, Caller
from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess
from tests.harness.watch import Watch

CHAT = "/v1/chat/completions"
# Without the cache of prompts, and with no chance in the choice of words, an answer is repeatable.
QUESTION: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What is a session?"}],
    "max_tokens": 48,
    "temperature": 0,
    "seed": 7,
    "cache_prompt": False,
    "ignore_eos": True,
}
STREAM = QUESTION | {"stream": True}
ENDLESS = STREAM | {"max_tokens": -1}
# What differs between two answers to the same question.
VARYING = re.compile(rb'"created":\d+|"id":"chatcmpl-\w+"|"timings":\{[^}]*\}')


@pytest.fixture
async def engine(llamacpp: EngineProcess) -> AsyncIterator[Caller]:
    async with Caller(llamacpp.url) as caller:
        yield caller


@pytest.fixture
async def sidecar(llamacpp: EngineProcess) -> AsyncIterator[Caller]:
    async with SidecarProcess(llamacpp.url) as process, Caller(process.url) as caller:
        yield caller


def comparable(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    # Hop by hop: each side's own (RFC 9110 section 7.6.1). The length follows the timings. A proxy
    # may date an answer that has no date (section 6.6.1), and llama.cpp's have none.
    for name in ("keep-alive", "connection", "content-length", "date"):
        headers.pop(name, None)
    return answer.status, headers, VARYING.sub(b"-", answer.body)


async def test_a_completion_is_the_engines_own(engine: Caller, sidecar: Caller) -> None:
    session_id = await sidecar.open()
    direct = await engine.post(CHAT, json=QUESTION)
    through = await sidecar.post(CHAT, session_id, json=QUESTION)
    assert json.loads(direct.body)["usage"]["completion_tokens"] == QUESTION["max_tokens"]
    assert comparable(through) == comparable(direct)


async def test_a_stream_is_the_engines_own_byte_for_byte(engine: Caller, sidecar: Caller) -> None:
    session_id = await sidecar.open()
    direct = await engine.post(CHAT, json=STREAM)
    through = await sidecar.post(CHAT, session_id, json=STREAM)
    assert direct.headers["Content-Type"] == "text/event-stream"
    assert direct.body.count(b"data: ") > QUESTION["max_tokens"] // 2
    assert direct.body.endswith(b"data: [DONE]\n\n")
    assert comparable(through) == comparable(direct)


async def test_requests_right_behind_streams(sidecar: Caller) -> None:
    """llama.cpp says Keep-Alive at the head of a stream and closes the connection at its end."""
    session_id = await sidecar.open()
    short = STREAM | {"max_tokens": 2}
    answers = [
        await sidecar.post(CHAT, session_id, json=question)
        for _ in range(50)
        for question in (short, QUESTION)
    ]
    assert [answer.status for answer in answers] == [200] * 100


async def test_the_engines_refusal_is_its_own(engine: Caller, sidecar: Caller) -> None:
    session_id = await sidecar.open()
    direct = await engine.post(CHAT, json={"messages": "none"})
    through = await sidecar.post(CHAT, session_id, json={"messages": "none"})
    assert direct.status == 400
    assert comparable(through) == comparable(direct)


async def test_a_closed_session_never_reaches_the_engine(engine: Caller, sidecar: Caller) -> None:
    session_id = await sidecar.open()
    assert (await sidecar.post(CHAT, session_id, json=QUESTION)).status == 200
    await sidecar.close(session_id)
    before = await prompt_tokens(engine)
    refused = await sidecar.post(CHAT, session_id, json=QUESTION)
    assert refused.status == 400
    assert json.loads(refused.body)["detail"] == f"session not found: {session_id}"
    assert await prompt_tokens(engine) == before
    await engine.post(CHAT, json=QUESTION)
    assert await prompt_tokens(engine) > before  # so the counter would have told


async def test_a_stream_is_cut_when_its_client_leaves(engine: Caller, sidecar: Caller) -> None:
    session_id = await sidecar.open()
    async with sidecar.http.post(CHAT, json=ENDLESS, headers={SESSION_ID: session_id}) as response:
        await response.content.readexactly(2000)
        assert await busy_slots(engine) == 1
        response.close()  # the connection, not only the answer
    watch = Watch()
    while await busy_slots(engine):
        assert watch.worked() < 0.5, "the engine still works for a client that left"
        await asyncio.sleep(0.01)
    assert (await sidecar.post(CHAT, session_id, json=QUESTION)).status == 200


async def prompt_tokens(engine: Caller) -> int:
    [count] = re.findall(
        rb"^llamacpp:prompt_tokens_total (\d+)", await engine.get("/metrics"), re.M
    )
    return int(count)


async def busy_slots(engine: Caller) -> int:
    return sum(slot["is_processing"] for slot in json.loads(await engine.get("/slots")))
