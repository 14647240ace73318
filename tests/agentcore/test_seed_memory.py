"""The memory part of AWS's page on sessions in AgentCore: each of its code blocks, in its order."""

import pytest
from botocore.exceptions import ClientError

from tests.agentcore.programs import run_python
from tests.agentcore.refusals import code
from tests.agentcore.stage import Stage
from tests.agentcore.whole import sidecar


async def test_sessions_of_the_memory(engine: str) -> None:
    async with sidecar(engine) as process:
        await run_python("seed_memory", process.url)


async def test_sessions_are_cleaned_up_after_a_configurable_time(stage: Stage) -> None:
    """The last step of a session's life needs nobody."""
    async with stage.calls(expiry_days=3) as calls:
        event = await calls.create(memoryId="your-memory-id")
        stage.clock.advance(3 * 86_400 + 1)
        assert await calls.texts(memoryId="your-memory-id") == []
        with pytest.raises(ClientError) as caught:
            await calls(
                "get_event",
                memoryId="your-memory-id",
                actorId=event["actorId"],
                sessionId=event["sessionId"],
                eventId=event["eventId"],
            )
        assert code(caught) == ("ResourceNotFoundException", 404)
        stage.clock.advance(2 * 86_400)
        assert await stage.store.list_sessions(10) == []
