"""Turns asked for with boto3, as an application does."""

import asyncio
import json
from typing import Any

from tests.agentcore.stage import Calls

ARN = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/chat-AbCdEf0123"
INVOCATIONS = f"/runtimes/{ARN.replace(':', '%3A').replace('/', '%2F')}/invocations"
HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def session(name: str) -> str:
    """An id as long as the service wants one."""
    return f"{name}-0123456789-0123456789-0123456789"


async def invoke(calls: Calls, name: str | None = None, **payload: Any) -> dict[str, Any]:
    """boto3's answer, whose body is not read yet. `name`: of the session."""
    members = {} if name is None else {"runtimeSessionId": session(name)}
    return await calls(
        "invoke_agent_runtime", agentRuntimeArn=ARN, payload=json.dumps(payload), **members
    )


async def body(answer: dict[str, Any]) -> Any:
    return json.loads(await asyncio.to_thread(answer["response"].read))


async def ask(calls: Calls, name: str | None = None, **payload: Any) -> Any:
    """What the agent says, when it has said it all."""
    return await body(await invoke(calls, name, **payload))


async def stop(calls: Calls, name: str, **members: Any) -> dict[str, Any]:
    return await calls(
        "stop_runtime_session", agentRuntimeArn=ARN, runtimeSessionId=session(name), **members
    )


def events(body: bytes) -> list[dict[str, Any]]:
    """Of a text/event-stream as the SDK's agents write it."""
    lines = body.decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line]
