"""Strands agents that keep their conversation with the SDK's AgentCore session manager."""

# mypy: ignore-errors
# Its packages are not among those of the checker.
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
from bedrock_agentcore.memory.integrations.strands.session_manager import (
    AgentCoreMemorySessionManager,
)
from strands import Agent
from strands.models import Model
from strands.types.session import SessionAgent

from tests.agentcore.clients import scenarios


class _Counting(Model):
    """A model without a network: it says how many messages it was shown."""

    def update_config(self, **config):
        pass

    def get_config(self):
        return {}

    def structured_output(self, *arguments, **named):
        raise NotImplementedError

    async def stream(self, messages, *arguments, **named) -> AsyncIterator[dict]:
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": f"saw {len(messages)}"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


def _manager(session, actor="strands-user", **config):
    return AgentCoreMemorySessionManager(
        AgentCoreMemoryConfig(
            memory_id=os.environ["MEMORY_ID"], session_id=session, actor_id=actor, **config
        ),
        region_name="us-west-2",
    )


def _agent(session, **config):
    return Agent(
        agent_id="helper",
        model=_Counting(),
        session_manager=_manager(session, **config),
        callback_handler=None,
    )


def _texts(agent):
    return [message["content"][0]["text"] for message in agent.messages]


def an_agent_goes_on_where_another_process_stopped():
    first = _agent("restart")
    for text in ("one", "two"):
        first(text)
    assert _texts(first) == ["one", "saw 1", "two", "saw 3"]
    second = _agent("restart")
    assert _texts(second) == ["one", "saw 1", "two", "saw 3"]
    second("three")
    assert _texts(_agent("restart"))[-2:] == ["three", "saw 5"]


def a_long_message_is_kept():
    _agent("long")("x" * 150_000)
    assert len(_texts(_agent("long"))[0]) == 150_000


def messages_that_are_sent_together():
    with _manager("batch", batch_size=10) as manager:
        agent = Agent(
            agent_id="helper",
            model=_Counting(),
            session_manager=manager,
            callback_handler=None,
        )
        agent("one")
        agent("two")
    assert _texts(_agent("batch")) == ["one", "saw 1", "two", "saw 3"]


def the_latest_state_of_an_agent_counts():
    manager = _manager("state")
    _agent("state")("hello")
    found = manager.read_agent("state", "helper")
    found.state = {"mood": "good"}
    now = datetime.now(UTC).isoformat()
    manager.update_agent(
        "state",
        SessionAgent(
            agent_id="helper",
            state=found.state,
            conversation_manager_state=found.conversation_manager_state,
            created_at=found.created_at,
            updated_at=now,
        ),
    )
    assert _manager("state").read_agent("state", "helper").state == {"mood": "good"}
    assert _manager("state").read_session("state").session_id == "state"


def sessions_know_nothing_of_each_other():
    _agent("mine")("secret")
    assert _texts(_agent("theirs")) == []


if __name__ == "__main__":
    scenarios.run("__main__")
