"""The preset for llama.cpp over the whole sidecar: each session has a slot, and its cache."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.engines.caller import NEW_SESSION_ID, Answer, Caller
from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess

QUESTION = {"messages": [{"role": "user", "content": "What is a slot?"}], "max_tokens": 2}


class Chat(Caller):
    def __init__(self, sidecar: SidecarProcess) -> None:
        super().__init__(sidecar.url)
        self.sidecar = sidecar

    async def ask(self, session_id: str, **more: Any) -> int:
        """How many tokens of the prompt the slot still had."""
        answer = await self.post("/invocations", session_id, json=QUESTION | more)
        assert answer.status == 200, answer.body
        usage = json.loads(answer.body)["usage"]
        cached: int = usage["prompt_tokens_details"]["cached_tokens"]
        return cached

    async def try_to_open(self) -> Answer:
        return await self.post("/invocations", json={"requestType": "NEW_SESSION"})


def session_in(answer: Answer) -> str:
    return answer.headers[NEW_SESSION_ID].partition(";")[0]


@asynccontextmanager
async def chatting(engine: EngineProcess, slots: int, **more: str) -> AsyncIterator[Chat]:
    variables: dict[str, Any] = {
        "SIDECAR_ENGINE_PRESET": "llamacpp",
        "SIDECAR_PRESET_SLOTS": str(slots),
        **more,
    }
    async with SidecarProcess(engine.url, **variables) as process, Chat(process) as chat:
        yield chat


async def test_the_cache_is_the_sessions_own_and_ends_with_it(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 1) as chat:
        first = await chat.open()
        assert await chat.ask(first) == 0
        assert await chat.ask(first) > 0
        await chat.close(first)
        second = await chat.open()
        assert await chat.ask(second) == 0, "the slot is the same, what it held is gone"


async def test_sessions_do_not_share_a_slot(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 2) as chat:
        ada, bob = await chat.open(), await chat.open()
        assert [await chat.ask(ada), await chat.ask(bob)] == [0, 0]
        assert await chat.ask(ada) > 0


async def test_a_client_cannot_choose_its_slot(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 1) as chat:
        session_id = await chat.open()
        assert await chat.ask(session_id, id_slot=2, cache_prompt=False) == 0
        assert await chat.ask(session_id) > 0


async def test_all_slots_taken(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 2) as chat:
        first, _ = await chat.open(), await chat.open()
        refused = await chat.try_to_open()
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert "SIDECAR_PRESET_SLOTS" in json.loads(refused.body)["detail"]
        await chat.close(first)
        await chat.open()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_many_at_once_get_a_slot_each(llamacpp: EngineProcess, workers: str) -> None:
    """A lease is seen by every process."""
    async with chatting(llamacpp, 4, SIDECAR_WORKERS=workers) as chat:
        answers = await asyncio.gather(*(chat.try_to_open() for _ in range(12)))
        assert sorted(answer.status for answer in answers) == [200] * 4 + [503] * 8
        opened = [session_in(answer) for answer in answers if answer.status == 200]
        assert [await chat.ask(session_id) for session_id in opened] == [0] * 4


async def test_leases_outlive_a_crash_of_the_sidecar(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 1) as chat:
        session_id = await chat.open()
        await chat.ask(session_id)
        await chat.sidecar.stop(signal.SIGKILL)
        await chat.sidecar.start()
        async with Chat(chat.sidecar) as again:
            assert (await again.try_to_open()).status == 503
            assert await again.ask(session_id) > 0
            await again.close(session_id)
            assert (await again.try_to_open()).status == 200


async def test_an_expired_session_gives_its_slot_back_erased(llamacpp: EngineProcess) -> None:
    async with chatting(llamacpp, 1, SIDECAR_SESSIONS_TTL="1") as chat:
        await chat.ask(await chat.open())
        async with asyncio.timeout(10):
            while (answer := await chat.try_to_open()).status == 503:
                pass
        assert await chat.ask(session_in(answer)) == 0
