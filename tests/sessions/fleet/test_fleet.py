"""What one sidecar does with a session, the others see."""

import asyncio
from pathlib import Path

from tests.sessions.fleet.crew import crew


async def test_opened_at_one_used_at_another_closed_at_the_third(tmp_path: Path) -> None:
    async with crew(tmp_path) as fleet:
        opened = await fleet.open(0)
        assert opened.status == 200 and opened.session
        for which in (1, 2, 0):
            assert (await fleet.use(which, opened.session)).seen == opened.session
            assert (await fleet.use(which, opened.session, owner="another")).status == 400
        closed = await fleet.close(2, opened.session)
        assert closed.status == 200
        for which in range(3):
            assert (await fleet.use(which, opened.session)).status == 400

        for _ in range(5):
            session = (await fleet.open(1)).session
            ends = await asyncio.gather(*(fleet.close(which % 3, session) for which in range(6)))
            assert sorted(each.status for each in ends) == [200, *[400] * 5]

        for _ in range(2):
            session = (await fleet.open(0)).session
        async with fleet.client.get(f"{fleet.sidecars[1].admin_url}/sessions") as listed:
            assert session in [each["id"] for each in (await listed.json())["sessions"]]
        await fleet.sidecars[0].stop()
        await fleet.sidecars[0].start()
        assert (await fleet.use(0, session)).seen == session


async def test_requests_of_a_session_come_one_by_one_from_all_of_them(tmp_path: Path) -> None:
    async with crew(
        tmp_path, SIDECAR_SESSION_ORDER="serialize", SIDECAR_SESSION_QUEUE="50"
    ) as fleet:
        one, other = (await fleet.open(0)).session, (await fleet.open(1)).session
        uses = [fleet.use(which % 3, session) for which in range(24) for session in (one, other)]
        replies = await asyncio.gather(*uses)
        assert {each.status for each in replies} == {200}
        assert fleet.engine.met == 1

        # One that is killed in the middle of a turn holds its session up for some seconds only.
        fleet.engine.met = 0
        using = asyncio.create_task(fleet.use(0, one))
        await asyncio.sleep(0.002)
        fleet.sidecars[0].process.kill()
        await asyncio.gather(using, return_exceptions=True)
        following = await fleet.use(1, one)
        assert (following.status, following.seconds < 6) == (200, True)
        await fleet.sidecars[0].wait()
        await fleet.sidecars[0].start()
