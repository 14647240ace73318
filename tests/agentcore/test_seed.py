"""AWS's page on sessions in AgentCore: each of its code blocks, in its order, with real components.

Its commands to deploy apart: they build a container and call a control plane of Amazon's. Its
blocks about memory alone are in test_seed_memory.py. The page imports a module that the SDK 1.25.0
does not have; the package in shim/ gives it to the agent.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.agentcore import install
from tests.agentcore.agents import agent
from tests.agentcore.invoking import ARN, ask, body, session
from tests.agentcore.programs import ROOT, environment, run_python
from tests.agentcore.whole import calling, sidecar
from tests.harness.process import SidecarProcess
from tests.sessions.redis_server import RedisServer, free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEED = "tests/agentcore/clients/seed"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip makes and installs it."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    making = [*pip, "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*making, "-w", str(wheels), str(ROOT / "shim")], check=True)
    [wheel] = wheels.iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    assert sorted(path.name for path in site.glob("agentcore_names*")) == [
        "agentcore_names.pth",
        "agentcore_names.py",
    ]
    return site


async def test_without_the_shim_the_pages_import_fails() -> None:
    install.require("python")
    found = await asyncio.to_thread(
        subprocess.run,
        [str(install.python()), "-c", "import bedrock_agentcore.context"],
        capture_output=True,
        text=True,
    )
    assert "ModuleNotFoundError" in found.stderr


async def test_the_basic_handler_and_the_commands_that_call_it(shim: Path) -> None:
    """`agentcore invoke --dev` with the page's session ids, which are shorter than AWS takes."""
    async with (
        agent(f"{SEED}/basic.py", SITE=str(shim)) as behind,
        sidecar(behind.url, SIDECAR_DIALECTS="agentcore") as process,
    ):
        async with calling(process) as calls:
            for number in (1, 2):
                answer = await ask(calls, "page", message="Hi")
                assert answer == {
                    "response": f"Message {number}: You said 'Hi'",
                    "session_id": session("page"),
                    "message_count": number,
                }
        said = [("Hello", "conv1"), ("How are you?", "conv1"), ("Hello", "conv2")]
        shown = [await command(process, message, conversation) for message, conversation in said]
        assert "Message 1: You said 'Hello'" in shown[0]
        assert "Message 2: You said 'How are you?'" in shown[1]
        assert "Message 1: You said 'Hello'" in shown[2]


async def command(process: SidecarProcess, message: str, session_id: str) -> str:
    """What the starter toolkit's command prints."""
    install.require("toolkit")
    words = ["invoke", json.dumps({"message": message}), "--session-id", session_id]
    running = await asyncio.create_subprocess_exec(
        str(install.place("toolkit") / "bin" / "agentcore"),
        *(*words, "--dev", "--port", str(process.port)),
        env=environment(process.url) | {"COLUMNS": "200", "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode == 0, output.decode()
    return output.decode().replace("\\'", "'")


async def test_what_a_context_has_and_sessions_in_memory(shim: Path) -> None:
    variables = {"SIDECAR_DIALECTS": "agentcore", "SIDECAR_AGENTCORE_MEMORY_ID": "your-memory-id"}
    async with (
        agent(f"{SEED}/components.py", SITE=str(shim)) as behind,
        sidecar(behind.url, **variables) as process,
        calling(process) as calls,
    ):
        for count in (1, 2):
            answer = await calls(
                "invoke_agent_runtime",
                agentRuntimeArn=ARN,
                runtimeSessionId=session("context"),
                runtimeUserId="user123",
                payload=json.dumps({"message": "m"}),
            )
            assert await body(answer) == {
                "session_id": session("context"),
                "actor_id": "user123",
                "memory_id": "your-memory-id",
                "messages": ["m"] * count,
            }
        nobody = await ask(calls, "nobody", message="m")
        assert nobody["actor_id"] is None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


async def test_sessions_in_redis(redis: RedisServer) -> None:
    """They outlive the agent."""
    for messages in (["a"], ["a", "b"]):
        async with (
            agent(f"{SEED}/with_redis.py", REDIS_PORT=str(redis.port)) as behind,
            sidecar(behind.url, SIDECAR_DIALECTS="agentcore") as process,
            calling(process) as calls,
        ):
            answer = await ask(calls, "redis", message=messages[-1])
            assert answer == {"messages": messages, "metadata": {}}


async def test_a_handler_with_memory(shim: Path) -> None:
    """The agent's memory is the sidecar's, too, with the page's environment variables.

    The numbers are those of the SDK's grouping: an assistant's message in an event of its own
    begins a turn, with Amazon's service too.
    """
    port = free_port()
    async with sidecar(f"http://127.0.0.1:{port}", SIDECAR_DIALECTS="agentcore") as process:
        variables = environment(process.url) | {"SITE": str(shim), "PORT": str(port)}
        async with (
            agent(f"{SEED}/with_memory.py", **variables) as behind,
            calling(process) as calls,
        ):
            assert behind.url == f"http://127.0.0.1:{port}"

            async def say(user: str, name: str, message: str) -> Any:
                return await body(
                    await calls(
                        "invoke_agent_runtime",
                        agentRuntimeArn=ARN,
                        runtimeSessionId=session(name),
                        runtimeUserId=user,
                        payload=json.dumps({"message": message}),
                    )
                )

            answers = [await say("user123", "chat", f"m{number}") for number in range(4)]
            assert [answer["history_length"] for answer in answers] == [0, 2, 3, 4]
            assert answers[3]["response"] == "I received: m3"
            # Another user, and another session: neither sees the first one's.
            assert (await say("other", "chat", "x"))["history_length"] == 0
            assert (await say("user123", "fresh", "x"))["history_length"] == 0
            actors = await calls("list_actors", memoryId="your-memory-id")
            assert {each["actorId"] for each in actors["actorSummaries"]} == {"other", "user123"}


async def test_the_pages_tests_of_its_own_handler(shim: Path) -> None:
    await run_python("seed.own_tests", "http://127.0.0.1:1", PYTHONPATH=str(shim))
