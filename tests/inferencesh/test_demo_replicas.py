"""Two of the demo's engines: sessions spread over them, stay there, and end with one that dies."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.engines import EngineProcess
from tests.inferencesh.caller import Caller, calling
from tests.inferencesh.stage import run_python, sidecar

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[EngineProcess]]:
    command = [sys.executable, "-m", "sidecar.demo.engine", "--port", "0"]
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                EngineProcess(
                    command, log=tmp_path / f"log-{number}", ready="/health", directory=ROOT
                )
            )
            for number in range(2)
        ]


async def turns(caller: Caller, session: str) -> int:
    done = await caller.run({"text": "hello"}, session)
    assert done["error"] is None, done["error"]
    turn: int = done["output"]["turn"]
    return turn


async def worker_of(caller: Caller, session: str) -> str:
    _, answer = await caller.ask("GET", f"/sessions/{session}")
    worker: str = answer["data"]["worker_id"]
    return worker


async def test_sessions_stay_where_they_are(engines: list[EngineProcess]) -> None:
    async with sidecar(*(engine.url for engine in engines)) as process:
        async with calling(process.url) as caller:
            sessions = [(await caller.run({"text": "a"}, "new"))["session_id"] for _ in range(4)]
            workers = [await worker_of(caller, session) for session in sessions]
            assert sorted(workers) == sorted([engine.url for engine in engines] * 2)
            for turn in (2, 3):
                assert [await turns(caller, session) for session in sessions] == [turn] * 4
            lost = engines[0]
            lost.process.kill()
            lost.process.wait()
            on = dict(zip(sessions, workers, strict=True))
            kept = [each for each in sessions if on[each] != lost.url]
            gone = [each for each in sessions if on[each] == lost.url]
            assert [await turns(caller, each) for each in kept] == [4, 4]
            first = await caller.run({"text": "b"}, gone[0])
            assert first["error"].endswith("session not found on any worker")
            status, answer = await caller.ask("GET", f"/sessions/{gone[1]}")
            assert (status, answer["detail"]) == (
                410,
                f"session not found: {gone[1]} was ended: its worker was lost",
            )
        gathered = await run_python("demo", process.url)
        assert gathered == list(range(2, 12))
