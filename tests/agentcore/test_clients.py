"""Amazon's own SDKs, and what others build on them, against the memory API."""

from tests.agentcore.programs import run_javascript, run_python
from tests.agentcore.whole import sidecar


async def test_the_python_sdk(engine: str) -> None:
    async with sidecar(engine) as process:
        await run_python("memory_sdk", process.url)


async def test_strands_agents(engine: str) -> None:
    async with sidecar(engine) as process:
        await run_python("strands_memory", process.url)


async def test_the_javascript_sdk(engine: str) -> None:
    async with sidecar(engine) as process:
        await run_javascript("memory.mjs", process.url)
