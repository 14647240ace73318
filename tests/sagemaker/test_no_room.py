"""No room for a new session: 503 with Retry-After, while sessions that exist go on."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.raw_client import Answer
from tests.sagemaker.conftest import JSON, Site, only, refusal, site_with
from tests.sessions.full import INODES, fill_inodes, fill_pages


@pytest.fixture
def small() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as scratch:
        options = f"size=64k,nr_inodes={INODES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "sidecar", scratch], check=True)
        try:
            yield Path(scratch) / "sessions"
        finally:
            subprocess.run(["umount", scratch], check=True)


def assert_no_room(answer: Answer) -> None:
    assert answer.status == 503 and refusal(answer)
    assert int(only(answer, b"Retry-After")) > 0


async def assert_no_room_but_all_else_works(site: Site, session: bytes) -> None:
    before, sessions = site.forwarded, site.on_disk()
    assert_no_room(await site.control("NEW_SESSION"))
    assert_no_room(await site.ask(b"{}", JSON, session=b"NEW_SESSION"))
    assert (site.forwarded, site.on_disk()) == (before, sessions)
    assert (await site.ask(b"{}", JSON, session=session)).status == 200
    assert (await site.ask(b"{}", JSON)).status == 200
    assert (await site.control("CLOSE", session)).status == 200
    assert site.on_disk() == sessions - {session.decode()}


async def test_as_many_as_sessions_max() -> None:
    async with site_with(SIDECAR_SESSIONS_MAX="2") as site:
        sessions = [await site.open() for _ in range(2)]
        await assert_no_room_but_all_else_works(site, sessions[0])
        assert await site.open()
        await assert_no_room_but_all_else_works(site, sessions[1])


@pytest.mark.parametrize("maximum", [None, "1000"], ids=["a-reserve-is-kept", "to-the-last-inode"])
async def test_no_inode_is_left(small: Path, maximum: str | None) -> None:
    async with site_with(SIDECAR_SESSIONS_PATH=str(small), SIDECAR_SESSIONS_MAX=maximum) as site:
        sessions = [await site.open() for _ in range(3)]
        fillers = fill_inodes(small)
        await assert_no_room_but_all_else_works(site, sessions[0])
        for filler in fillers:
            filler.unlink()
        assert await site.open()


async def test_no_page_is_left(small: Path) -> None:
    """A session takes none, unless it is asked to write a file that its peers read."""
    async with site_with(
        SIDECAR_SESSIONS_PATH=str(small),
        SIDECAR_SESSIONS_EXPIRATION_FILE="on",
        SIDECAR_SESSIONS_MAX="1000",
    ) as site:
        sessions = [await site.open() for _ in range(3)]
        fill_pages(small)
        before = site.on_disk()
        assert_no_room(await site.control("NEW_SESSION"))
        assert site.on_disk() == before
        assert (await site.ask(b"{}", JSON, session=sessions[0])).status == 200
        assert (await site.control("CLOSE", sessions[0])).status == 200
        assert await site.open()
