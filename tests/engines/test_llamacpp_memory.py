"""llama.cpp remembers nothing; behind the sidecar its clients need only say what is new.

With `verbose`, llama.cpp tells with each answer the prompt that it has really worked on.
"""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.engines.caller import SESSION_ID, Caller
from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually

CHAT = "/v1/chat/completions"
WORD = "Rumpelstilzchen"
SETTINGS: dict[str, Any] = {"max_tokens": 12, "temperature": 0, "ignore_eos": True, "verbose": True}


@pytest.fixture
async def sidecar(llamacpp: EngineProcess) -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess(llamacpp.url, SIDECAR_MEMORY="chat") as process:
        yield process


def prompt_of(conversation: list[tuple[str, str]]) -> str:
    """As the template of tests/engines/tiny_model.py makes it."""
    return "".join(f"<{role}>{text}\n" for role, text in conversation) + "<assistant>"


async def ask(caller: Caller, session_id: str, text: str, *, stream: bool) -> tuple[str, str]:
    """The reply, and the prompt."""
    body = SETTINGS | {"messages": [{"role": "user", "content": text}], "stream": stream}
    answer = await caller.post(CHAT, session_id, json=body)
    assert answer.status == 200, answer.body
    if not stream:
        page = json.loads(answer.body)
        return page["choices"][0]["message"]["content"], page["__verbose"]["prompt"]
    lines = [line[6:] for line in answer.body.splitlines() if line.startswith(b"data: {")]
    chunks = [json.loads(line) for line in lines]
    said = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    return "".join(filter(None, said)), chunks[-1]["__verbose"]["prompt"]


@pytest.mark.parametrize("stream", [False, True])
async def test_ten_turns_of_which_the_client_sends_the_newest(
    sidecar: SidecarProcess, stream: bool
) -> None:
    async with Caller(sidecar.url) as caller:
        session_id = await caller.open()
        conversation: list[tuple[str, str]] = []
        for turn in range(10):
            conversation.append(("user", f"{WORD} asks question {turn}."))
            reply, prompt = await ask(caller, session_id, conversation[-1][1], stream=stream)
            assert reply
            assert prompt.removeprefix("<s>").lstrip() == prompt_of(conversation)
            conversation.append(("assistant", reply))
        assert holding(sidecar.sessions_path, WORD)
        await caller.close(session_id)
    assert await eventually(lambda: not holding(sidecar.sessions_path, WORD), 3)
    assert not list(sidecar.sessions_path.glob(".del-*"))


def holding(path: Path, word: str) -> list[Path]:
    found = []
    for file in path.rglob("*"):
        try:
            if file.is_file() and word in file.read_text():
                found.append(file)
        except FileNotFoundError:
            pass
    return found


async def test_kill_9_between_turns_loses_none(sidecar: SidecarProcess) -> None:
    async with Caller(sidecar.url) as caller:
        session_id = await caller.open()
    conversation: list[tuple[str, str]] = []
    for turn in range(3):
        conversation.append(("user", f"Question {turn}."))
        async with Caller(sidecar.url) as caller:
            question = conversation[-1][1]
            reply, prompt = await ask(caller, session_id, question, stream=turn % 2 == 1)
        await sidecar.stop(signal.SIGKILL)
        assert prompt.removeprefix("<s>").lstrip() == prompt_of(conversation)
        conversation.append(("assistant", reply))
        await sidecar.start()


async def test_what_llamacpp_has_worked_on_before_is_in_its_cache(sidecar: SidecarProcess) -> None:
    """The conversation that the sidecar sends begins each time as the last one did."""
    async with Caller(sidecar.url) as caller:
        session_id = await caller.open()
        cached = []
        for turn in range(3):
            body = SETTINGS | {"messages": [{"role": "user", "content": f"Question {turn}."}]}
            answer = await caller.post(CHAT, session_id, json=body)
            cached.append(json.loads(answer.body)["usage"]["prompt_tokens_details"])
        tokens = [each["cached_tokens"] for each in cached]
        assert tokens[0] < tokens[1] < tokens[2]


async def test_a_slot_for_each_conversation(llamacpp: EngineProcess) -> None:
    """Memory and the engine's own sessions in one: the slot holds what the sidecar sends."""
    preset = {"SIDECAR_ENGINE_PRESET": "llamacpp", "SIDECAR_PRESET_SLOTS": "4"}
    variables: dict[str, Any] = {"SIDECAR_MEMORY": "chat", **preset}
    async with SidecarProcess(llamacpp.url, **variables) as process, Caller(process.url) as caller:
        ada, bob = await caller.open(), await caller.open()
        told: dict[str, list[tuple[str, str]]] = {ada: [], bob: []}
        for turn in range(3):
            for session_id, conversation in told.items():
                conversation.append(("user", f"Question {turn}."))
                question = conversation[-1][1]
                reply, prompt = await ask(caller, session_id, question, stream=turn == 1)
                assert prompt.removeprefix("<s>").lstrip() == prompt_of(conversation)
                conversation.append(("assistant", reply))
        await caller.close(ada)
        await caller.close(bob)


async def test_the_official_client(sidecar: SidecarProcess) -> None:
    """It stops reading at [DONE], and its second turn builds on the first."""
    async with Caller(sidecar.url) as caller:
        session_id = await caller.open()
    options: dict[str, Any] = {
        "model": "tiny",
        "max_tokens": 12,
        "temperature": 0,
        "extra_body": {"ignore_eos": True, "verbose": True},
    }
    async with openai.AsyncOpenAI(
        base_url=f"{sidecar.url}/v1",
        api_key="none",
        max_retries=0,
        default_headers={SESSION_ID: session_id},
    ) as client:
        conversation: list[tuple[str, str]] = [("user", "Hello?")]
        said = ""
        stream = await client.chat.completions.create(
            messages=[{"role": "user", "content": "Hello?"}], stream=True, **options
        )
        async for chunk in stream:
            said += chunk.choices[0].delta.content or ""
        conversation += [("assistant", said), ("user", "And you?")]
        answer = await client.chat.completions.create(
            messages=[{"role": "user", "content": "And you?"}], **options
        )
        extra = answer.model_extra or {}
        prompt = extra["__verbose"]["prompt"]
        assert prompt.removeprefix("<s>").lstrip() == prompt_of(conversation)
        # The whole history, with the client's own objects in it, is not doubled.
        reply = answer.choices[0].message
        conversation += [("assistant", reply.content or ""), ("user", "Bye.")]
        whole: list[Any] = [
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": said},
            {"role": "user", "content": "And you?"},
            reply,
            {"role": "user", "content": "Bye."},
        ]
        answer = await client.chat.completions.create(messages=whole, **options)
        prompt = (answer.model_extra or {})["__verbose"]["prompt"]
        assert prompt.removeprefix("<s>").lstrip() == prompt_of(conversation)
