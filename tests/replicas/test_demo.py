"""Two and three of the demo's engines, which remember: what a session loses shows in its turns."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.engines import EngineProcess
from tests.harness.process import SidecarProcess
from tests.replicas.fleet import REPINNED, Caller

ENGINE = (sys.executable, "-m", "sidecar.demo.engine", "--port", "0")


def start(stack: ExitStack, scratch: Path, count: int) -> list[EngineProcess]:
    engines = [
        EngineProcess(ENGINE, log=scratch / f"{number}.log", ready="/health")
        for number in range(count)
    ]
    return [stack.enter_context(engine) for engine in engines]


async def turn(caller: Caller, session: str) -> int:
    said = await caller.post('{"text": "hello"}', session, "/invocations")
    assert said.status == 200, said
    number: int = json.loads(said.text)["turn"]
    return number


@pytest.mark.parametrize("count, loss", [(2, "repin"), (3, "fail")])
async def test_turns(tmp_path: Path, count: int, loss: str) -> None:
    with ExitStack() as stack:
        engines = start(stack, tmp_path, count)
        url = ",".join(engine.url for engine in engines)
        async with SidecarProcess(
            url, SIDECAR_REPLICA_LOSS=loss, SIDECAR_REPLICA_GRACE="0"
        ) as sidecar:
            caller = Caller(sidecar)
            await caller.all_ready()
            sessions = await caller.open_many(2 * count)
            for expected in (1, 2):
                assert [await turn(caller, each) for each in sessions] == [expected] * 2 * count
            engines[0].process.kill()
            engines[0].process.wait()
            dead = f"127.0.0.1:{engines[0].port}"
            for session, replica in sessions.items():
                if replica != dead:
                    assert await turn(caller, session) == 3
                elif loss == "fail":
                    assert (await caller.until(410, session)).replica == ""
                else:
                    said = await caller.post('{"text": "hello"}', session, "/invocations")
                    assert (json.loads(said.text)["turn"], said.headers[REPINNED]) == (1, "1")
                    assert await turn(caller, session) == 2
