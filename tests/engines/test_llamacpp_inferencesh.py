"""llama.cpp remembers nothing; inference.sh's clients talk with it all the same."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.harness.engines import EngineProcess
from tests.inferencesh.caller import Caller, calling
from tests.inferencesh.stage import run_python, sidecar

CHAT = "/v1/chat/completions"
APPS = json.dumps({"chat-with-memory": {"adapter": "chat", "path": CHAT}})
SETTINGS: dict[str, Any] = {"max_tokens": 12, "temperature": 0, "ignore_eos": True}
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}


@pytest.fixture
async def caller(llamacpp: EngineProcess) -> AsyncIterator[Caller]:
    async with (
        sidecar(llamacpp.url, SIDECAR_INFERENCESH_APPS=APPS) as process,
        calling(process.url) as caller,
    ):
        yield caller


async def told_all(engine: EngineProcess, messages: list[dict[str, str]]) -> str:
    """What llama.cpp says when it is told everything itself; a stream too: half a letter at the
    end of an answer is shown otherwise in one that comes whole."""
    body = SETTINGS | {"messages": messages, "stream": True}
    async with aiohttp.ClientSession(engine.url) as http, http.post(CHAT, json=body) as answer:
        lines = (await answer.text()).splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


async def test_each_turn_knows_the_ones_before(llamacpp: EngineProcess, caller: Caller) -> None:
    app = "chat-with-memory"
    begun = await caller.run({"action": "init", "system": SYSTEM["content"]}, "new", app=app)
    conversation = [SYSTEM]
    for question in ("What is a qubit?", "An example?", "And classically?"):
        conversation.append({"role": "user", "content": question})
        expected = await told_all(llamacpp, conversation)
        given = SETTINGS | {"message": question}
        done = await caller.run(given, begun["session_id"], app=app)
        assert done["output"] == {"response": expected} != {"response": ""}
        conversation.append({"role": "assistant", "content": expected})


async def test_its_words_come_one_by_one(caller: Caller) -> None:
    given = SETTINGS | {"message": "Count!"}
    task = await caller.accept(given, "new", app="chat-with-memory")
    lines = await caller.lines(task["id"])
    words = [line["data"]["delta"]["response"] for line in lines if line.get("event") == "delta"]
    assert len(words) > 3
    assert "".join(words) == lines[-1]["output"]["response"]


async def test_a_failed_turn_was_never_said(llamacpp: EngineProcess, caller: Caller) -> None:
    app = "chat-with-memory"
    first = await caller.run(SETTINGS | {"message": "Hello"}, "new", app=app)
    wrong = {"message": "Hello", "temperature": "hot"}
    failed = await caller.run(wrong, first["session_id"], app=app)
    assert (failed["status"], failed["error"][:22]) == (11, "upstream answered HTTP")
    history = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": first["output"]["response"]},
        {"role": "user", "content": "Again"},
    ]
    done = await caller.run(SETTINGS | {"message": "Again"}, first["session_id"], app=app)
    assert done["output"]["response"] == await told_all(llamacpp, history)


async def test_the_documents_conversation(llamacpp: EngineProcess) -> None:
    async with sidecar(llamacpp.url, SIDECAR_INFERENCESH_APPS=APPS) as process:
        told = await run_python("talk", process.url)
    assert len(told) == 3 and all(told)
