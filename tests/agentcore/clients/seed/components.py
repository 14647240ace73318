"""The page's list of what a context has, and its way to keep sessions in memory."""

# mypy: ignore-errors
# ruff: noqa
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from bedrock_agentcore.context import RequestContext

app = BedrockAgentCoreApp()
sessions = {}


def get_session(session_id: str):
    if session_id not in sessions:
        sessions[session_id] = {"messages": [], "metadata": {}}
    return sessions[session_id]


@app.entrypoint
def show(payload, context: RequestContext):
    session = get_session(context.session_id)
    session["messages"].append(payload.get("message"))
    return {
        "session_id": context.session_id,
        "actor_id": context.actor_id,
        "memory_id": context.memory_id,
        "messages": session["messages"],
    }
