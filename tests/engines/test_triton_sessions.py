"""Presets for Triton over the whole sidecar: a session of SageMaker is a sequence of Triton."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.engines.conftest import running_triton
from tests.engines.sequences import VARIABLES, add, adding, closed, has_room, is_not_found, total
from tests.harness.engines import EngineProcess, free_port


@pytest.mark.parametrize("preset", VARIABLES)
async def test_sessions_add_up_each_for_itself(triton: EngineProcess, preset: str) -> None:
    async with adding(triton, "counter", preset) as caller:
        ada, bob = await caller.open(), await caller.open()
        sums = [await total(caller, *each) for each in ((ada, 5), (bob, 100), (ada, 7), (bob, 11))]
        assert sums == [5, 100, 12, 111]
        await caller.close(ada)
        assert await total(caller, bob, 1) == 112
        await caller.close(bob)


@pytest.mark.parametrize("preset", VARIABLES)
async def test_close_ends_the_sequence(triton: EngineProcess, preset: str) -> None:
    """There is room for one: a sequence that were left would let the next one wait."""
    async with adding(triton, "narrow", preset) as caller:
        for _ in range(3):
            session_id = await caller.open()
            assert await total(caller, session_id, 3) == 3
            await caller.close(session_id)


async def test_closed_twice(triton: EngineProcess) -> None:
    async with adding(triton, "counter") as caller:
        session_id = await caller.open()
        await total(caller, session_id, 1)
        await caller.close(session_id)
        assert is_not_found(await closed(caller, session_id), session_id)
        assert is_not_found(await add(caller, session_id, 1), session_id)


async def test_a_session_that_was_never_used_can_be_closed(triton: EngineProcess) -> None:
    """Triton says that it knows no such sequence, which is what was wanted."""
    async with adding(triton, "counter") as caller:
        await caller.close(await caller.open())


async def test_a_client_cannot_choose_its_sequence(triton: EngineProcess) -> None:
    async with adding(triton, "counter") as caller:
        ada, eve = await caller.open(), await caller.open()
        assert await total(caller, ada, 5, sequence_id="mine", sequence_start=False) == 5
        assert await total(caller, ada, 5, sequence_start=True) == 10, "it began anew"
        assert await total(caller, eve, 1, sequence_id=ada) == 1
        await caller.close(ada)
        await caller.close(eve)


async def test_a_sequence_that_triton_forgot(triton: EngineProcess) -> None:
    async with adding(triton, "brief") as caller:
        session_id = await caller.open()
        assert await total(caller, session_id, 5) == 5
        await asyncio.sleep(1.5)  # idle for longer than the model keeps a sequence
        assert is_not_found(await add(caller, session_id, 1), session_id)
        assert is_not_found(await closed(caller, session_id), session_id), "it has ended here too"


async def test_what_triton_forgot_can_be_closed(triton: EngineProcess) -> None:
    async with adding(triton, "brief") as caller:
        session_id = await caller.open()
        assert await total(caller, session_id, 5) == 5
        await asyncio.sleep(1.5)
        await caller.close(session_id)


async def test_triton_is_killed_and_started_again(tmp_path: Path) -> None:
    port = free_port()
    with running_triton(tmp_path / "first", port) as triton:
        sidecar = adding(triton, "counter")
        caller = await sidecar.__aenter__()
        session_id = await caller.open()
        assert await total(caller, session_id, 5) == 5
    try:
        assert (await add(caller, session_id, 1)).status == 502
        with running_triton(tmp_path / "second", port):
            assert is_not_found(await add(caller, session_id, 1), session_id)
            assert await total(caller, await caller.open(), 2) == 2
    finally:
        await sidecar.__aexit__(None, None, None)


async def test_an_expired_session_ends_its_sequence(triton: EngineProcess) -> None:
    async with adding(triton, "narrow", SIDECAR_SESSIONS_TTL="1") as caller:
        assert await total(caller, await caller.open(), 5) == 5
        await has_room(triton, "narrow")


async def test_expired_while_the_sidecar_was_down(triton: EngineProcess) -> None:
    async with adding(triton, "narrow", SIDECAR_SESSIONS_TTL="1") as caller:
        assert await total(caller, await caller.open(), 5) == 5
        sidecar = caller.sidecar
        await sidecar.stop(signal.SIGKILL)
        await asyncio.sleep(1)  # its session's time
        await sidecar.start()
        await has_room(triton, "narrow")


def hasty(directory: Path) -> str:
    """The eager preset, which waits a second for room."""
    path = directory / "hasty.json"
    path.write_text(json.dumps({"extends": "triton-eager", "create.timeout": 1}))
    return str(path)


async def test_a_start_that_waits_for_room_leaves_no_sequence(
    triton: EngineProcess, tmp_path: Path
) -> None:
    """Triton carries it out when there is room, though nobody waits for it any more."""
    own = hasty(tmp_path)
    async with adding(triton, "narrow", "triton-eager", own) as caller:
        first = await caller.open()
        refused = await caller.post("/invocations", json={"requestType": "NEW_SESSION"})
        assert refused.status == 504
        assert "did not open a session within 1 s" in refused.body.decode()
        await caller.close(first)
        await has_room(triton, "narrow")


async def test_a_client_that_leaves_while_a_start_waits_leaves_no_sequence(
    triton: EngineProcess,
) -> None:
    async with adding(triton, "narrow", "triton-eager") as caller:
        first = await caller.open()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await caller.open()
        await caller.close(first)
        await has_room(triton, "narrow")
