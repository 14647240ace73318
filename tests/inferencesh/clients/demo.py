"""Ten gathered calls of one session of the demo's engine: which turn each of them was."""

import asyncio
import json
import sys
from typing import Any

from inferencesh import async_inference  # type: ignore[import-not-found]


async def main() -> Any:
    client = async_inference(api_key="inf_...", base_url=sys.argv[1])
    first = await client.run({"app": "my-app", "input": {"text": "init"}, "session": "new"})

    async def call(number: int) -> Any:
        given = {"text": f"number {number}"}
        result = await client.run({"app": "my-app", "input": given, "session": first["session_id"]})
        return result["output"]["turn"]

    return await asyncio.gather(*map(call, range(10)))


print(json.dumps(asyncio.run(main())))
