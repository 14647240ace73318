"""The memory API on the data port of the whole sidecar, as its users run it."""

import asyncio
import signal
from functools import partial

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.agentcore.refusals import code
from tests.agentcore.stage import Calls, client, text_of
from tests.agentcore.whole import calling, sidecar
from tests.harness.waiting import eventually


async def test_250_events_in_a_tight_loop(engine: str) -> None:
    async with sidecar(engine) as process, calling(process) as memory:
        for number in range(250):
            await memory.create(str(number))
        assert await memory.texts(maxResults=100) == [str(each) for each in range(249, -1, -1)]


def reached(done: list[str], count: int) -> bool:
    return len(done) >= count


async def test_kill_9_between_two_events_loses_none_that_was_acknowledged(engine: str) -> None:
    """The killing comes while a writer writes; what it was told of is there afterwards, once."""
    async with sidecar(engine) as process:
        acknowledged: list[str] = []

        async def write(new: list[str]) -> None:
            async with calling(process) as memory:
                while True:
                    text = str(len(acknowledged))
                    await memory.create(text, clientToken=f"token {text}")
                    acknowledged.append(text)
                    new.append(text)

        for _ in range(3):
            new: list[str] = []
            writing = asyncio.create_task(write(new))
            assert await eventually(partial(reached, new, 20))
            process.process.send_signal(signal.SIGKILL)
            with pytest.raises(BotoCoreError):
                await writing
            await process.wait()
            await process.start()
            async with calling(process) as memory:
                found = [int(text) for text in reversed(await memory.texts(maxResults=100))]
                # The one that was under way may be there: the retry has its token.
                wanted = list(range(len(acknowledged)))
                assert found in (wanted, [*wanted, len(acknowledged)])


async def test_several_workers_have_one_memory(engine: str) -> None:
    async with sidecar(engine, SIDECAR_WORKERS="2") as process:

        async def write(writer: int) -> None:
            # A connection each, so that the kernel spreads them over the workers.
            async with calling(process) as memory:
                for number in range(25):
                    await memory.create(f"{writer} {number}")

        await asyncio.gather(*(write(writer) for writer in range(6)))
        for _ in range(4):
            async with calling(process) as memory:
                found = (await memory.texts(maxResults=100))[::-1]
                assert sorted(found) == sorted(f"{w} {n}" for w in range(6) for n in range(25))
                for writer in range(6):
                    own = [text for text in found if text.startswith(f"{writer} ")]
                    assert own == [f"{writer} {number}" for number in range(25)]


async def test_one_token_at_several_workers_gives_one_event(engine: str) -> None:
    async with sidecar(engine, SIDECAR_WORKERS="2") as process:

        async def write() -> str:
            async with calling(process) as memory:
                return str((await memory.create(clientToken="t"))["eventId"])

        assert len(set(await asyncio.gather(*(write() for _ in range(6))))) == 1
        async with calling(process) as memory:
            assert await memory.texts() == ["hello"]


async def test_memories_are_declared_by_settings(engine: str) -> None:
    variables = {
        "SIDECAR_AGENTCORE_MEMORIES": "chats-0123456789=7,notes-0123456789",
        "SIDECAR_AGENTCORE_EXPIRY_DAYS": "30",
        "SIDECAR_AGENTCORE_STRICT": "on",
    }
    async with sidecar(engine, **variables) as process, calling(process) as memory:
        await memory.create()
        with pytest.raises(ClientError) as caught:
            await memory.create(memoryId="other-0123456789")
        assert code(caught) == ("ResourceNotFoundException", 404)
        with pytest.raises(ClientError) as caught:
            await memory.create(memoryId="not-strict-enough")
        assert code(caught) == ("ValidationException", 400)
        control = Calls(client(process.url, "bedrock-agentcore-control"))
        days = {}
        for each in ("chats-0123456789", "notes-0123456789"):
            details = (await control("get_memory", memoryId=each))["memory"]
            days[each] = details["eventExpiryDuration"]
        assert days == {"chats-0123456789": 7, "notes-0123456789": 30}


async def test_a_body_that_is_too_large_is_refused_in_the_apis_words(engine: str) -> None:
    async with sidecar(engine) as process, calling(process) as memory:
        with pytest.raises(ClientError) as caught:
            await memory.create(payload=[{"blob": "x" * 9_000_000}])
        assert code(caught) == ("ValidationException", 400)
        assert text_of(await memory.create("small")) == "small"


async def test_the_memory_is_no_session_of_sagemakers(engine: str) -> None:
    """Neither can be named in the other's contract, nor is it counted there."""
    async with sidecar(engine) as process, calling(process) as memory:
        await memory.create()
        head = next(process.sessions_path.glob("**/h*-*-*"))
        runtime = client(process.url, "sagemaker-runtime")
        with pytest.raises(ClientError) as caught:
            await asyncio.to_thread(
                runtime.invoke_endpoint,
                EndpointName="chat",
                SessionId=head.name,
                Body=b'{"requestType": "CLOSE"}',
            )
        assert "session not found" in str(caught.value)
        runtime.close()
        assert await memory.texts() == ["hello"]


async def test_without_the_dialect_its_paths_are_the_engines(engine: str) -> None:
    async with (
        sidecar(engine, SIDECAR_DIALECTS="sagemaker") as process,
        calling(process) as memory,
    ):
        answer = await memory("list_actors", memoryId="your-memory-id")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert "actorSummaries" not in answer
