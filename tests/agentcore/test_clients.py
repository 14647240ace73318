"""Amazon's own SDKs, and what others build on them, against the memory API."""

from tests.agentcore.programs import run_javascript, run_python
from tests.agentcore.stage import Calls


async def test_the_python_sdk(memory: Calls) -> None:
    await run_python("memory_sdk", memory.client.meta.endpoint_url)


async def test_strands_agents(memory: Calls) -> None:
    await run_python("strands_memory", memory.client.meta.endpoint_url)


async def test_the_javascript_sdk(memory: Calls) -> None:
    await run_javascript("memory.mjs", memory.client.meta.endpoint_url)
