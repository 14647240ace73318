"""The server killed, paused, slowed, emptied under load: nobody but its sessions notices.

Plain traffic has no error at all; a session's request has its 503 within a second; nobody is given
another's session; and two seconds after the server is back everything is as before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.sessions.fleet.crew import Crew, Reply, crew
from tests.sessions.fleet.slow import slowed
from tests.sessions.redis_server import Kind

LIMIT = 1.0
BACK = 2.0
PAUSE = 0.01


@dataclass
class Load:
    """Requests without a pause, of several clients at every sidecar, until it is stopped."""

    fleet: Crew
    plain: list[Reply] = field(default_factory=list)
    sessions: list[Reply] = field(default_factory=list)
    crossed: list[Reply] = field(default_factory=list)
    stopping: bool = False

    async def send_plain(self, which: int) -> None:
        while not self.stopping:
            self.plain.append(await self.fleet.ask(which, {"prompt": "plain"}))
            await asyncio.sleep(PAUSE)

    async def use_sessions(self, which: int) -> None:
        """Opens one whenever its own is gone; a stranger tries it as well."""
        session, owner = "", f"owner-{which}"
        while not self.stopping:
            if session:
                reply = await self.fleet.use(which, session, owner)
            else:
                reply = await self.fleet.open(which, owner)
            self.sessions.append(reply)
            if reply.session:
                session = reply.session
            elif reply.status == 400:
                session = ""
            elif session and reply.status == 200 and reply.seen != session:
                self.crossed.append(reply)
            if session:
                stranger = await self.fleet.use((which + 1) % 3, session, owner=f"no-{owner}")
                if stranger.status == 200:
                    self.crossed.append(stranger)
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def load(fleet: Crew) -> AsyncIterator[Load]:
    running = Load(fleet)
    async with asyncio.TaskGroup() as clients:
        for which in range(3):
            clients.create_task(running.send_plain(which))
            clients.create_task(running.use_sessions(which))
        await asyncio.sleep(0.5)
        yield running
        running.stopping = True


async def killed_and_restarted_empty(fleet: Crew) -> None:
    fleet.server.kill()
    await asyncio.sleep(1.5)
    fleet.server.start()


async def paused(fleet: Crew) -> None:
    fleet.server.pause()
    await asyncio.sleep(2.5)
    fleet.server.resume()


async def emptied(fleet: Crew) -> None:
    fleet.server.command("FLUSHALL")


Happening = Callable[[Crew], Awaitable[None]]


@pytest.mark.parametrize(
    ("kind", "happenings"),
    [
        ("redis", (paused, killed_and_restarted_empty, emptied)),
        ("valkey", (killed_and_restarted_empty,)),
    ],
)
async def test_only_sessions_notice(
    tmp_path: Path, kind: Kind, happenings: tuple[Happening, ...]
) -> None:
    async with crew(tmp_path, kind=kind) as fleet:
        for happens in happenings:
            running = await strike(fleet, happens)
            assert {each.status for each in running.plain} == {200}
            assert max(each.seconds for each in running.plain) < LIMIT
            assert len(running.plain) > 100
            assert running.crossed == []
            assert {each.status for each in running.sessions} <= {200, 400, 503}
            assert max(each.seconds for each in running.sessions) < LIMIT
            refused = [each for each in running.sessions if each.status == 503]
            assert all(each.retry_after == "1" for each in refused)
            assert bool(refused) == (happens is not emptied)


async def strike(fleet: Crew, happens: Happening) -> Load:
    async with load(fleet) as running:
        assert {each.status for each in running.sessions} == {200}
        await happens(fleet)
        assert await fleet.until_sessions_work(limit=5) < BACK
        await asyncio.sleep(0.2)
        done = len(running.sessions)
        await asyncio.sleep(0.5)
    assert {each.status for each in running.sessions[done:]} == {200}
    return running


async def test_a_session_outlives_a_pause(tmp_path: Path) -> None:
    async with crew(tmp_path, sidecars=1) as fleet:
        session = (await fleet.open(0)).session
        fleet.server.pause()
        refused = await fleet.use(0, session)
        assert (refused.status, refused.seconds < LIMIT) == (503, True)
        closing = await fleet.close(0, session)
        assert (closing.status, closing.seconds < 0.2) == (503, True)
        fleet.server.resume()
        await fleet.until_sessions_work(limit=BACK)
        assert (await fleet.use(0, session)).seen == session


async def test_a_slow_server_is_waited_for_and_a_very_slow_one_is_not(tmp_path: Path) -> None:
    async with (
        slowed(tmp_path / "redis") as relay,
        crew(tmp_path / "own", sidecars=1, SIDECAR_STORE=relay.url) as fleet,
    ):
        session = (await fleet.open(0)).session
        relay.delay = 0.2
        assert (await fleet.use(0, session)).seen == session
        relay.delay = 3.0
        for _ in range(3):
            refused = await fleet.use(0, session)
            assert (refused.status, refused.seconds < LIMIT) == (503, True)
            assert (await fleet.ask(0, {"prompt": "plain"})).seconds < 0.5
        relay.delay = 0.0
        await fleet.until_sessions_work(limit=BACK)
        assert (await fleet.use(0, session)).seen == session


async def test_a_sidecar_starts_without_its_store(tmp_path: Path) -> None:
    async with crew(tmp_path, sidecars=1) as fleet:
        fleet.server.kill()
        await fleet.sidecars[0].stop()
        await fleet.sidecars[0].start()
        assert (await fleet.ask(0, {"prompt": "plain"})).status == 200
        assert (await fleet.open(0)).status == 503
        async with fleet.client.get(f"{fleet.sidecars[0].admin_url}/readyz") as ready:
            assert ready.status == 503
            assert "cannot be reached" in (await ready.json())["reason"]
        fleet.server.start()
        assert await fleet.until_sessions_work(limit=5) < BACK
