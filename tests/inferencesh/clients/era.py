"""What each version with sessions can do, with its own client: sync, then async."""

import asyncio
import json
import sys
from typing import Any

from inferencesh import async_inference, inference  # type: ignore[import-not-found]

BASE_URL = sys.argv[1]
NAMES = {"api_key": "inf_x", "base_url": BASE_URL}


def synchronous() -> Any:
    client = inference(**NAMES)
    first = client.run({"app": "my-app", "input": {"action": "init"}, "session": "new"})
    session = first["session_id"]
    again = client.run({"app": "my-app", "input": {"action": "x"}, "session": session})
    client.run({"app": "my-app", "input": {"action": "cleanup"}, "session": session})
    try:
        client.run({"app": "my-app", "input": {"action": "check"}, "session": session})
    except Exception as error:
        ended = str(error)
    long = client.run({"app": "my-app", "input": {"size": 100_000}})
    return [again["output"]["before"], again["session_id"] == session, ended, len(str(long))]


async def asynchronous() -> Any:
    client = async_inference(**NAMES)
    first = await client.run({"app": "my-app", "input": {"action": "init"}, "session": "new"})
    session = first["session_id"]
    again = await client.run({"app": "my-app", "input": {"action": "x"}, "session": session})
    return [again["output"]["before"], again["session_id"] == session]


print(json.dumps([synchronous(), asyncio.run(asynchronous())]))
