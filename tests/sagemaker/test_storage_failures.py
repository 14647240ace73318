"""Storage that fails for another reason than room: 424, and nothing half-made stays."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sagemaker.conftest import JSON, Site, refusal, site_with
from tests.sessions import strace


async def assert_none_can_be_made(site: Site) -> None:
    before = site.forwarded
    for answer in (
        await site.control("NEW_SESSION"),
        await site.ask(b"{}", JSON, session=b"NEW_SESSION"),
    ):
        assert answer.status == 424
        assert refusal(answer).startswith("Failed to create session: ")
    assert site.forwarded == before
    assert (await site.ask(b"{}", JSON)).status == 200


async def test_the_disk_fails() -> None:
    """From the second one on, every rename fails: the one that ends, and that makes a session."""
    strace.require()
    broken = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=/^rename", "-e")
    async with site_with((*broken, "inject=/^rename:error=EIO:when=2+")) as site:
        session = await site.open()
        answer = await site.control("CLOSE", session)
        assert answer.status == 424
        assert refusal(answer).startswith("Failed to close session: ")
        await assert_none_can_be_made(site)
        assert site.on_disk() == {session.decode()}
        assert (await site.ask(b"{}", JSON, session=session)).status == 200


def a_file(path: Path) -> None:
    path.write_text("x")


def a_link(path: Path) -> None:
    path.symlink_to(path.parent)


def not_even_a_parent(path: Path) -> None:
    path.parent.rmdir()


@pytest.mark.parametrize("instead", [a_file, a_link, not_even_a_parent], ids=lambda f: f.__name__)
async def test_the_sessions_directory_is_gone_and_cannot_be_made_anew(
    tmp_path: Path, instead: Callable[[Path], None]
) -> None:
    path = tmp_path / "parent" / "sessions"
    async with site_with(SIDECAR_SESSIONS_PATH=str(path)) as site:
        session = await site.open()
        shutil.rmtree(path)
        instead(path)
        there = sorted(tmp_path.rglob("*"))
        await assert_none_can_be_made(site)
        for answer in (
            await site.control("CLOSE", session),
            await site.ask(b"{}", JSON, session=session),
        ):
            assert answer.status == 400 and "session not found" in refusal(answer)
        assert sorted(tmp_path.rglob("*")) == there


async def test_the_sessions_directory_is_made_anew_when_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "sessions"
    async with site_with(SIDECAR_SESSIONS_PATH=str(path)) as site:
        await site.open()
        shutil.rmtree(path)
        session = await site.open()
        assert site.on_disk() == {session.decode()}
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
