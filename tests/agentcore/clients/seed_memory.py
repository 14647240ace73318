"""The memory patterns of AWS's page on sessions in AgentCore, in the order of that page.

What an agent does with them when it is called is here; that it is called through the sidecar is
another test's. The page imports RequestContext from a module that the SDK 1.25.0 does not have.
"""

# mypy: ignore-errors
# Its packages are not among those of the checker.
import os
from types import SimpleNamespace

from bedrock_agentcore.memory.constants import ConversationalMessage, MessageRole
from bedrock_agentcore.memory.session import MemorySessionManager
from bedrock_agentcore.runtime import BedrockAgentCoreApp, RequestContext

from tests.agentcore.clients import scenarios

MEMORY_ID = os.environ["MEMORY_ID"]
REGION = "us-west-2"

app = BedrockAgentCoreApp()


def _get_memory_session(memory_id: str, actor_id: str, session_id: str):
    session_manager = MemorySessionManager(memory_id=memory_id, region_name=REGION)
    return session_manager.create_memory_session(actor_id=actor_id, session_id=session_id)


def a1_a_session_of_the_memory():
    session = _get_memory_session(MEMORY_ID, "seed-user", "seed-1")
    assert session.list_events() == []


@app.entrypoint
def _chat_handler(payload, context: RequestContext):
    session_manager = MemorySessionManager(memory_id=MEMORY_ID, region_name=REGION)
    session = session_manager.create_memory_session(
        actor_id=context.actor_id or "default_user",
        session_id=context.session_id or "default_session",
    )
    history = session.get_last_k_turns(k=10)
    user_message = payload.get("message", "")
    session.add_turns(messages=[ConversationalMessage(user_message, MessageRole.USER)])
    response = f"I received: {user_message}"
    session.add_turns(messages=[ConversationalMessage(response, MessageRole.ASSISTANT)])
    return {
        "response": response,
        "session_id": context.session_id,
        "history_length": len(history),
    }


def a2_a_handler_with_persistent_memory():
    """An assistant's message that follows its user's in another event begins a turn of its own:
    so the SDK groups what comes newest first, with Amazon's service too."""
    context = SimpleNamespace(actor_id="seed-user", session_id="conv1")
    answers = [_chat_handler({"message": f"m{number}"}, context) for number in range(4)]
    assert [each["history_length"] for each in answers] == [0, 2, 3, 4]
    assert answers[3]["response"] == "I received: m3"
    nobody = SimpleNamespace(actor_id=None, session_id=None)
    assert _chat_handler({"message": "x"}, nobody)["history_length"] == 0


class _SessionManager:
    """Manages isolated sessions per user."""

    def __init__(self, memory_id: str, region: str = REGION):
        self.memory_id = memory_id
        self.region = region
        self._sessions = {}

    def get_session(self, actor_id: str, session_id: str):
        key = f"{actor_id}:{session_id}"
        if key not in self._sessions:
            manager = MemorySessionManager(memory_id=self.memory_id, region_name=self.region)
            self._sessions[key] = manager.create_memory_session(
                actor_id=actor_id, session_id=session_id
            )
        return self._sessions[key]

    def clear_session(self, actor_id: str, session_id: str):
        key = f"{actor_id}:{session_id}"
        if key in self._sessions:
            del self._sessions[key]


def a3_isolated_sessions():
    """The cache is the program's; what was said is the memory's."""
    manager = _SessionManager(MEMORY_ID)
    for actor, session in (("a", "s"), ("b", "s"), ("a", "t")):
        text = ConversationalMessage(f"{actor}{session}", MessageRole.USER)
        manager.get_session(actor, session).add_turns(messages=[text])
    manager.clear_session("a", "s")
    for actor, session in (("a", "s"), ("b", "s"), ("a", "t")):
        [event] = manager.get_session(actor, session).list_events()
        [item] = event["payload"]
        assert item["conversational"]["content"]["text"] == f"{actor}{session}"


def a4_the_life_of_a_session():
    session_manager = MemorySessionManager(memory_id=MEMORY_ID, region_name=REGION)
    session = session_manager.create_memory_session(actor_id="user123", session_id="chat001")
    session.add_turns(messages=[ConversationalMessage("Hello", MessageRole.USER)])
    [[message]] = session.get_last_k_turns(k=10)
    assert message["content"]["text"] == "Hello"
    [event] = session.list_events()
    assert (event["actorId"], event["sessionId"]) == ("user123", "chat001")


if __name__ == "__main__":
    scenarios.run("__main__")
