"""What the platform and an engine on the same volume rely on: names in the environment, files."""

import time
from pathlib import Path

import pytest

from tests.harness.engines import free_port
from tests.sagemaker.conftest import JSON, SESSION, Site, expires, new_id, site_with
from tests.sessions.contract import TmpfsPlace
from tests.sessions.test_mhcs import peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_platforms_names_for_the_settings(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "sessions"
    async with site_with(
        SIDECAR_PORT=None,
        SAGEMAKER_BIND_TO_PORT=str(port),
        SIDECAR_SESSIONS_PATH=None,
        SAGEMAKER_SESSIONS_PATH=str(path),
        SAGEMAKER_SESSIONS_EXPIRATION="100",
        SAGEMAKER_ENABLE_STATEFUL_SESSIONS="true",
        SAGEMAKER_SAFE_PORT_RANGE=f"{port}-{port + 100}",
        SAGEMAKER_CONTAINER_LOG_LEVEL="30",
    ) as site:
        assert site.sidecar.port == port
        answer = await site.control("NEW_SESSION")
        assert (path / new_id(answer).decode()).is_dir()
        assert abs(expires(answer) - time.time() - 100) < 5


async def test_our_own_name_wins(tmp_path: Path) -> None:
    async with site_with(
        SAGEMAKER_BIND_TO_PORT="1",
        SAGEMAKER_SESSIONS_PATH=str(tmp_path / "theirs"),
        SIDECAR_SESSIONS_TTL="50",
        SAGEMAKER_SESSIONS_EXPIRATION="100",
        SIDECAR_SESSIONS="on",
        SAGEMAKER_ENABLE_STATEFUL_SESSIONS="false",
    ) as site:
        answer = await site.control("NEW_SESSION")
        assert abs(expires(answer) - time.time() - 50) < 5
        assert site.on_disk() == {new_id(answer).decode()}
        assert not (tmp_path / "theirs").exists()


async def test_what_an_engine_keeps_in_a_session_stays_until_its_end(site: Site) -> None:
    """An engine that uses the class of model-hosting-container-standards 0.1.16."""
    place, session = TmpfsPlace(site.directory), await site.open()
    await site.ask(b"{}", JSON, session=session)
    [told] = site.engine.records[-1].values(SESSION)
    peer(place, told.decode()).put("turns", [1, 2])
    for _ in range(3):
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
    assert peer(place, told.decode()).get("turns") == [1, 2]
    assert (await site.control("CLOSE", session)).status == 200
    assert not (site.directory / told.decode()).exists()


async def test_an_engines_files_outlive_a_restart(site: Site) -> None:
    place, session = TmpfsPlace(site.directory), await site.open()
    peer(place, session.decode()).put("turns", [1])
    assert await site.sidecar.stop() == 0
    await site.sidecar.start()
    assert (await site.ask(b"{}", JSON, session=session)).status == 200
    assert peer(place, session.decode()).get("turns") == [1]
