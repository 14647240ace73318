"""The whole sidecar with the dialect on, and programs of inference.sh's own clients before it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.process import SidecarProcess
from tests.inferencesh import install

# A program that hangs is a failure, not the end of the suite.
LIMIT = 90.0


@asynccontextmanager
async def sidecar(*engines: str, **variables: Any) -> AsyncIterator[SidecarProcess]:
    variables = {"SIDECAR_DIALECTS": "sagemaker,inferencesh", **variables}
    async with SidecarProcess(",".join(engines), **variables) as process:
        yield process


async def run_python(program: str, *arguments: str, version: str | None = None) -> Any:
    """What the program of tests/inferencesh/clients printed last, as JSON."""
    install.require("python")
    environment = {} if version is None else {"PYTHONPATH": str(install.era(version))}
    command = [str(install.python()), str(install.HERE / f"{program}.py"), *arguments]
    return await _run(command, environment, install.place("python"))


async def run_javascript(program: str, *arguments: str, scratch: Path) -> Any:
    """The same, of clients/js: beside its packages, where Node looks for them."""
    if not install.has_javascript():
        pytest.skip("needs the Debian package npm")
    install.require("js")
    for source in (install.HERE / "js").iterdir():
        (scratch / source.name).write_bytes(source.read_bytes())
    packages = scratch / "node_modules"
    if not packages.exists():
        packages.symlink_to(install.place("js") / "node_modules")
    return await _run(["node", "--import", "tsx", program, *arguments], {}, scratch)


async def _run(command: list[str], variables: dict[str, str], directory: Path) -> Any:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=_environment() | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), LIMIT)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{output.decode()}\n{errors.decode()}"
    return json.loads(output.splitlines()[-1])


def _environment() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIDECAR_", "INFERENCE", "PYTHON"))
        and not name.lower().endswith("_proxy")
    }
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1"}
