"""The page's agent with memory, as it is there but for its layout."""

# mypy: ignore-errors
# ruff: noqa
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from bedrock_agentcore.context import RequestContext
from bedrock_agentcore.memory.session import MemorySessionManager
from bedrock_agentcore.memory.constants import ConversationalMessage, MessageRole
import os

app = BedrockAgentCoreApp()

MEMORY_ID = os.environ.get("MEMORY_ID")
REGION = "us-west-2"


@app.entrypoint
def chat_handler(payload, context: RequestContext):
    """Chat handler with persistent memory."""

    # Get session from AgentCore Memory
    session_manager = MemorySessionManager(memory_id=MEMORY_ID, region_name=REGION)

    session = session_manager.create_memory_session(
        actor_id=context.actor_id or "default_user",
        session_id=context.session_id or "default_session",
    )

    # Load conversation history
    history = session.get_last_k_turns(k=10)

    # Process user message
    user_message = payload.get("message", "")

    # Save user message
    session.add_turns(messages=[ConversationalMessage(user_message, MessageRole.USER)])

    # Generate response (simplified)
    response = f"I received: {user_message}"

    # Save assistant response
    session.add_turns(messages=[ConversationalMessage(response, MessageRole.ASSISTANT)])

    return {"response": response, "session_id": context.session_id, "history_length": len(history)}


if __name__ == "__main__":
    app.run()
