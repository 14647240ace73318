"""Programs of real clients, run among their own packages and told where the sidecar is."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.agentcore import install
from tests.harness.node import LEAST, is_recent

ROOT = Path(__file__).parents[2]
# A program that hangs is a failure, not the end of the suite.
LIMIT = 120.0


async def run_python(module: str, url: str, **variables: str) -> None:
    """`module` of tests/agentcore/clients. Fails the test with what went wrong in it."""
    install.require("python")
    command = [str(install.python()), "-m", f"tests.agentcore.clients.{module}"]
    await _run(command, url, variables)


async def run_javascript(script: str, url: str, **variables: str) -> None:
    if not is_recent():
        pytest.skip(f"needs the Debian package npm, with Node {LEAST} or newer")
    install.require("js")
    command = ["node", str(install.HERE / "js" / script)]
    await _run(command, url, {"JS_CLIENTS": str(install.place("js")), **variables})


async def _run(command: list[str], url: str, variables: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=environment(url) | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), LIMIT)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, errors.decode()
    outcomes = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
    faults = [f"{each['scenario']}:\n{each['fault']}" for each in outcomes if each["fault"]]
    assert outcomes and not faults, "\n".join(faults)


def environment(url: str) -> dict[str, str]:
    """Endpoints by the service's own variables: the plain one would catch other services too."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "SIDECAR_")) and not name.lower().endswith("_proxy")
    }
    return inherited | {
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MEMORY_ID": "your-memory-id",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
