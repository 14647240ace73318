"""Sessions over engines that run, die and come back, in both lanes."""

import asyncio
import json
import signal
from collections import Counter

import pytest

from tests.harness.process import SidecarProcess
from tests.replicas.fleet import NEW_SESSION, REPINNED, SESSION, Caller, Fleet

lanes = pytest.mark.parametrize("express", ["on", "off"])


@lanes
async def test_sessions_are_spread_and_stay(express: str) -> None:
    async with Fleet(3) as fleet, SidecarProcess(fleet.url, SIDECAR_EXPRESS=express) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(12)
        assert Counter(sessions.values()) == dict.fromkeys(fleet.names, 4)
        for _ in range(3):
            for session, replica in sessions.items():
                said = await caller.post(session, session)
                assert (said.status, said.replica) == (200, replica)
                assert said.text == f"{session} {session}"
        for session, replica in sessions.items():
            assert fleet.named(replica).deliveries().count(session) == 3
            assert (await caller.admin(f"/sessions/{session}"))["replica"] == f"http://{replica}"
        assert set(fleet.delivered().values()) == {3}
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


@lanes
async def test_a_new_session_goes_where_the_fewest_live(express: str) -> None:
    async with Fleet(2) as fleet, SidecarProcess(fleet.url, SIDECAR_EXPRESS=express) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(12)
        emptied = fleet.names[0]
        for session, replica in sessions.items():
            if replica == emptied:
                assert await caller.close(session) == 200
        await caller.see(lambda found: not found[emptied]["sessions"])
        assert set((await caller.open_many(6)).values()) == {emptied}


@lanes
async def test_a_session_made_on_first_use_is_placed_and_stays(express: str) -> None:
    async with Fleet(2) as fleet, SidecarProcess(fleet.url, SIDECAR_EXPRESS=express) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        for number in range(6):
            begun = await caller.post(f"begun-{number}", "NEW_SESSION")
            session = begun.headers[NEW_SESSION].partition(";")[0]
            assert begun.text == f"{session} begun-{number}"
            used = await caller.post("used", session)
            assert used.replica == begun.replica != ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_sessions_stay_when_the_sidecar_is_restarted(number: int) -> None:
    async with Fleet(3) as fleet, SidecarProcess(fleet.url) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(9)
        for session in list(sessions)[:2]:  # so that the count is uneven
            await caller.close(session)
            del sessions[session]
        await sidecar.stop(number)
        await sidecar.start()
        await caller.all_ready()
        for session, replica in sessions.items():
            said = await caller.post("again", session)
            assert (said.status, said.replica) == (200, replica)
        counts = Counter(sessions.values())
        await caller.see(lambda found: {n: each["sessions"] for n, each in found.items()} == counts)
        more = await caller.open_many(2)
        assert set((counts + Counter(more.values())).values()) == {3}


@lanes
async def test_a_killed_replica_takes_its_sessions_along(express: str) -> None:
    async with (
        Fleet(3) as fleet,
        SidecarProcess(fleet.url, SIDECAR_EXPRESS=express, SIDECAR_REPLICA_GRACE="0.5") as sidecar,
    ):
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(6)
        used, unused = [each for each in sessions if sessions[each] == fleet.names[0]]
        others = [each for each in sessions if sessions[each] != fleet.names[0]]
        assert (await caller.post("x", used)).status == 200
        await fleet.engines[0].kill()
        lost = await caller.until(410, used, 5)
        assert (await caller.admin("/readyz"))["ready"] is True
        assert json.loads(lost.text)["error"]["type"] == "Gone"
        assert used in lost.text
        gone = await caller.post("x", used)
        assert gone.status == 400
        assert "session not found" in gone.text
        assert await caller.close(used) == 400
        for session in others:
            said = await caller.post("x", session)
            assert (said.status, said.replica) == (200, sessions[session])
        assert fleet.names[0] not in (await caller.open_many(6)).values()

        await caller.see_lost(unused)
        await fleet.engines[0].start()
        await caller.all_ready()
        assert (await caller.post("x", unused)).status == 410
        assert (await caller.post("x", unused)).status == 400
        assert set((await caller.open_many(3)).values()) == {fleet.names[0]}
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


@lanes
async def test_a_short_restart_ends_no_session(express: str) -> None:
    async with (
        Fleet(2) as fleet,
        SidecarProcess(fleet.url, SIDECAR_EXPRESS=express, SIDECAR_REPLICA_GRACE="60") as sidecar,
    ):
        caller = Caller(sidecar)
        await caller.all_ready()
        session, replica = await caller.open()
        await fleet.named(replica).kill()
        assert (await caller.post("x", session)).status in (502, 503)
        away = await caller.until(503, session)
        assert replica in away.text
        assert int(away.headers["Retry-After"]) > 0
        await fleet.named(replica).start()
        back = await caller.until(200, session)
        assert back.replica == replica


@lanes
async def test_with_repin_the_next_request_goes_elsewhere(express: str) -> None:
    async with (
        Fleet(3) as fleet,
        SidecarProcess(fleet.url, SIDECAR_EXPRESS=express, SIDECAR_REPLICA_LOSS="repin") as sidecar,
    ):
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(9)
        mine = [each for each in sessions if sessions[each] == fleet.names[1]]
        for session in mine:
            assert REPINNED not in (await caller.post("x", session)).headers
        await fleet.engines[1].kill()
        moved = Counter[str]()
        for session in mine[:2]:
            said = await caller.post(f"{session}-moved", session)
            assert (said.status, said.headers.get(REPINNED)) == (200, "1")
            assert said.text == f"{session} {session}-moved"
            moved[said.replica] += 1
            after = await caller.post("x", session)
            assert (after.status, after.replica) == (200, said.replica)
            assert REPINNED not in after.headers
        assert moved == {fleet.names[0]: 1, fleet.names[2]: 1}
        assert set(fleet.delivered()) >= {f"{session}-moved" for session in mine[:2]}
        assert all(
            count == 1 for text, count in fleet.delivered().items() if text.endswith("moved")
        )
        for session, replica in sessions.items():
            if session not in mine:
                said = await caller.post("x", session)
                assert (said.replica, REPINNED in said.headers) == (replica, False)
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


async def test_with_repin_it_is_told_also_when_the_replica_is_back() -> None:
    """A process that was away for too long knows nothing of the session, wherever that goes."""
    async with (
        Fleet(2) as fleet,
        SidecarProcess(
            fleet.url, SIDECAR_REPLICA_LOSS="repin", SIDECAR_REPLICA_GRACE="0.2"
        ) as sidecar,
    ):
        caller = Caller(sidecar)
        await caller.all_ready()
        session, replica = await caller.open()
        await fleet.named(replica).kill()
        await caller.see_lost(session)
        await fleet.named(replica).start()
        await caller.all_ready()
        said = await caller.post("x", session)
        assert (said.status, said.headers.get(REPINNED)) == (200, "1")
        again = await caller.post("x", session)
        assert (again.status, again.headers.get(REPINNED)) == (200, None)
        assert again.replica == said.replica


@pytest.mark.parametrize("loss", ["fail", "repin"])
async def test_a_replica_that_is_no_longer_configured(loss: str) -> None:
    async with Fleet(3) as fleet, SidecarProcess(fleet.url, SIDECAR_REPLICA_LOSS=loss) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(3)
        await sidecar.stop()
        sidecar._environment["SIDECAR_ENGINE_URL"] = fleet.url.rpartition(",")[0]
        await sidecar.start()
        await caller.all_ready()
        for session, replica in sessions.items():
            said = await caller.post("x", session)
            if replica != fleet.names[2]:
                assert (said.status, said.replica) == (200, replica)
            elif loss == "fail":
                assert said.status == 410
            else:
                assert (said.status, said.headers.get(REPINNED)) == (200, "1")


async def test_all_of_them_die_and_come_back() -> None:
    """Nobody else could serve, so no session is ended."""
    async with Fleet(2) as fleet, SidecarProcess(fleet.url, SIDECAR_REPLICA_GRACE="3") as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(4)
        await asyncio.gather(*(engine.kill() for engine in fleet.engines))
        await caller.see(lambda found: not any(each["ready"] for each in found.values()))
        said = await caller.post("x")
        assert said.status == 503
        assert all(name in said.text for name in fleet.names)
        await asyncio.sleep(3.2)
        for session in sessions:
            assert (await caller.post("x", session)).status == 503
        ping = await caller.admin("/readyz")
        assert all(name in ping["reason"] for name in fleet.names)
        await asyncio.gather(*(engine.start() for engine in fleet.engines))
        for session, replica in sessions.items():
            assert (await caller.until(200, session)).replica == replica


async def test_workers_share_what_they_know_of_sessions() -> None:
    async with (
        Fleet(2) as fleet,
        SidecarProcess(fleet.url, SIDECAR_WORKERS="2", SIDECAR_REPLICA_GRACE="0.5") as sidecar,
    ):
        caller = Caller(sidecar)
        await caller.all_ready()
        sessions = await caller.open_many(20)
        counts = Counter(sessions.values())
        assert abs(counts[fleet.names[0]] - counts[fleet.names[1]]) <= 2
        for session, replica in sessions.items():
            for _ in range(3):
                assert (await caller.post("x", session)).replica == replica
        found = await caller.replicas()
        assert sum(each["requests"] for each in found.values()) == 60
        await caller.see(lambda found: {n: each["sessions"] for n, each in found.items()} == counts)
        await fleet.engines[0].kill()
        mine = [session for session in sessions if sessions[session] == fleet.names[0]]
        await caller.until(410, mine[0], 5)
        for session in mine[1:]:
            assert (await caller.until(410, session, 3)).status == 410
        for session, replica in sessions.items():
            if replica == fleet.names[1]:
                assert [(await caller.post("x", session)).status for _ in range(2)] == [200] * 2
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""


async def test_one_that_hangs_keeps_its_sessions_and_gets_no_new_ones() -> None:
    """It may be busy, and what it remembers is nowhere else."""
    async with Fleet(2) as fleet, SidecarProcess(fleet.url) as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        session, replica = await caller.open()
        fleet.named(replica).signal(signal.SIGSTOP)
        waiting = asyncio.create_task(caller.post("patience", session))
        await caller.see(lambda found: not found[replica]["ready"], 8)
        assert replica not in (await caller.open_many(4)).values()
        assert {(await caller.post("x")).replica for _ in range(4)} == {*fleet.names} - {replica}
        assert not waiting.done()
        fleet.named(replica).signal(signal.SIGCONT)
        said = await waiting
        assert (said.status, said.replica) == (200, replica)
        assert SESSION not in said.headers
