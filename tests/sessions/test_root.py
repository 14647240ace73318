"""Which directory is used for sessions, and what is said when it is not the one asked for."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import StoreFailed
from sidecar.sessions.root import open_root

STRANGER = 12345


def plain_file(path: Path) -> None:
    path.touch()


def link(path: Path) -> None:
    target = path.with_name("target")
    target.mkdir(0o700)
    path.symlink_to(target)


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def of_a_stranger(path: Path) -> None:
    path.mkdir(0o777)
    os.chown(path, STRANGER, STRANGER)


def below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


UNUSABLE: list[tuple[Callable[[Path], None], str]] = [
    (plain_file, "Not a directory"),
    (link, "Not a directory"),
    (dangling_link, "Not a directory"),
    (fifo, "Not a directory"),
    (of_a_stranger, "it belongs to user 12345"),
    (below_a_file, "File exists"),
]


@pytest.fixture
def preferred(scratch: Path) -> Path:
    (scratch / "preferred").mkdir()
    return scratch / "preferred" / "sessions"


@pytest.mark.parametrize("spoil, reason", UNUSABLE, ids=lambda each: getattr(each, "__name__", ""))
def test_an_unusable_directory_gives_way_to_the_fallback(
    preferred: Path, scratch: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(preferred)
    fallback = scratch / "fallback"
    root, problem = open_root(preferred, fallback)
    root.close()
    assert root.path == fallback
    assert stat.S_IMODE(fallback.stat().st_mode) == 0o700
    assert problem is not None
    assert f"{preferred} cannot be used: {reason}" in problem
    assert f"using {fallback} instead" in problem
    assert "SIDECAR_SESSIONS_PATH" in problem
    assert "\n" not in problem


def test_when_neither_can_be_used_the_error_names_both(preferred: Path, scratch: Path) -> None:
    fallback = scratch / "fallback"
    plain_file(preferred)
    of_a_stranger(fallback)
    with pytest.raises(StoreFailed) as failed:
        open_root(preferred, fallback)
    assert f"{preferred} cannot be used: Not a directory" in failed.value.message
    assert f"{fallback} cannot be used either: it belongs to user 12345" in failed.value.message


def test_a_directory_that_is_ours_but_wide_is_tightened(preferred: Path, scratch: Path) -> None:
    preferred.mkdir()
    preferred.chmod(0o2777)
    root, problem = open_root(preferred, scratch / "fallback")
    root.close()
    assert problem is None
    assert stat.S_IMODE(preferred.stat().st_mode) == 0o700
    assert not (scratch / "fallback").exists()


def test_missing_parents_are_made(scratch: Path) -> None:
    path = scratch / "a" / "b" / "sessions"
    root, problem = open_root(path, scratch / "fallback")
    root.close()
    assert problem is None
    assert list(path.iterdir()) == []


def test_opening_leaves_no_descriptor_behind(preferred: Path, scratch: Path) -> None:
    plain_file(preferred)
    before = os.listdir("/proc/self/fd")
    root, _ = open_root(preferred, scratch / "fallback")
    root.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_only_one_holds_the_lock_until_it_closes(scratch: Path) -> None:
    one, _ = open_root(scratch / "sessions", scratch)
    other, _ = open_root(scratch / "sessions", scratch)
    assert one.lock()
    assert one.lock()
    assert not other.lock()
    one.close()
    assert other.lock()
    other.close()


def test_an_ordinary_user_who_may_not_write_gets_the_fallback(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    # Relative: whether a stranger may walk from / to here is not what is tested.
    monkeypatch.chdir(scratch)
    preferred, fallback = Path("closed/sessions"), Path("open/sessions")
    preferred.parent.mkdir(0o755)
    fallback.parent.mkdir()
    fallback.parent.chmod(0o777)
    scratch.chmod(0o711)
    os.seteuid(STRANGER)
    try:
        root, problem = open_root(preferred, fallback)
        root.close()
    finally:
        os.seteuid(0)
    assert problem is not None
    assert f"{preferred} cannot be used: Permission denied; using {fallback}" in problem
    assert "belongs to user 12345" in problem
