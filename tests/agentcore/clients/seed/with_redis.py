"""The page's way to keep sessions in Redis, at the test's port instead of 6379."""

# mypy: ignore-errors
# ruff: noqa
import os
import redis
import json
from bedrock_agentcore.runtime import BedrockAgentCoreApp

redis_client = redis.Redis(host="localhost", port=int(os.environ["REDIS_PORT"]), db=0)


def get_session(session_id: str):
    data = redis_client.get(f"session:{session_id}")
    if data:
        return json.loads(data)
    return {"messages": [], "metadata": {}}


def save_session(session_id: str, session_data: dict):
    redis_client.setex(
        f"session:{session_id}",
        3600,  # 1 hour TTL
        json.dumps(session_data),
    )


app = BedrockAgentCoreApp()


@app.entrypoint
def chat_handler(payload, context):
    session = get_session(context.session_id)
    session["messages"].append(payload["message"])
    save_session(context.session_id, session)
    return session
