"""Turns with the clients that are not boto3."""

import asyncio
import json
from pathlib import Path

from tests.agentcore import install
from tests.agentcore.agents import agent
from tests.agentcore.invoking import ARN
from tests.agentcore.programs import environment, run_javascript
from tests.agentcore.whole import sidecar


async def test_the_javascript_sdk() -> None:
    async with agent() as behind, sidecar(behind.url) as process:
        await run_javascript("runtime.mjs", process.url)


CONFIGURATION = f"""
default_agent: chat
agents:
  chat:
    name: chat
    entrypoint: agent.py
    platform: linux/arm64
    container_runtime: none
    aws:
      account: "123456789012"
      region: us-west-2
      network_configuration:
        network_mode: PUBLIC
      observability:
        enabled: false
    bedrock_agentcore:
      agent_id: chat-AbCdEf0123
      agent_arn: {ARN}
"""


async def test_the_starter_toolkit_as_if_deployed(tmp_path: Path) -> None:
    """It reads its own variable for the address, keeps the session's id, and stops it."""
    install.require("toolkit")
    (tmp_path / ".bedrock_agentcore.yaml").write_text(CONFIGURATION)
    async with agent() as behind, sidecar(behind.url) as process:
        variables = environment(process.url) | {"BEDROCK_AGENTCORE_DP_ENDPOINT": process.url}
        payload = json.dumps({"do": "count"})
        assert '"count": 1' in await command(tmp_path, variables, "invoke", payload)
        assert '"count": 2' in await command(tmp_path, variables, "invoke", payload)
        await command(tmp_path, variables, "stop-session")
        shown = await command(tmp_path, variables, "invoke", '{"do": "fail", "words": "why"}')
        assert "why" in shown


async def command(directory: Path, variables: dict[str, str], *words: str) -> str:
    running = await asyncio.create_subprocess_exec(
        *(str(install.place("toolkit") / "bin" / "agentcore"), *words),
        cwd=directory,
        env=variables | {"COLUMNS": "200", "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(running.communicate(), 60)
    return output.decode()
