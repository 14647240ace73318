"""What somebody else put where a session could be is never followed, opened, used or deleted."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.layout import Layout
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions.contract import TmpfsPlace, sweep

STRANGER = 12345
PLANTED = "planted-0001"


def _copy(path: Path, live: Path) -> None:
    """A directory that is in order: what each case below breaks in one way."""
    path.mkdir(0o700)
    for marker in live.iterdir():
        copy = path / marker.name
        copy.touch(0o600)
        times = marker.stat()
        os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))


def _marker(path: Path) -> Path:
    (marker,) = path.iterdir()
    return marker


def link_to_a_session(path: Path, live: Path) -> None:
    path.symlink_to(live.name)


def dangling_link(path: Path, live: Path) -> None:
    path.symlink_to("nowhere")


def link_to_itself(path: Path, live: Path) -> None:
    path.symlink_to(path.name)


def plain_file(path: Path, live: Path) -> None:
    path.write_text("canary")


def fifo(path: Path, live: Path) -> None:
    os.mkfifo(path, 0o700)


def unix_socket(path: Path, live: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def directory_without_marker(path: Path, live: Path) -> None:
    path.mkdir(0o700)
    (path / "canary").write_text("canary")


def directory_of_a_stranger(path: Path, live: Path) -> None:
    _copy(path, live)
    os.chown(path, STRANGER, STRANGER)


def directory_open_to_the_group(path: Path, live: Path) -> None:
    _copy(path, live)
    path.chmod(0o750)


def directory_open_to_all(path: Path, live: Path) -> None:
    _copy(path, live)
    path.chmod(0o701)


def marker_is_a_link(path: Path, live: Path) -> None:
    _copy(path, live)
    marker = _marker(path)
    marker.unlink()
    marker.symlink_to(_marker(live))


def marker_is_a_fifo(path: Path, live: Path) -> None:
    _copy(path, live)
    marker = _marker(path)
    marker.unlink()
    os.mkfifo(marker, 0o600)


def marker_is_a_directory(path: Path, live: Path) -> None:
    _copy(path, live)
    marker = _marker(path)
    marker.unlink()
    marker.mkdir(0o700)


def marker_of_a_stranger(path: Path, live: Path) -> None:
    _copy(path, live)
    os.chown(_marker(path), STRANGER, STRANGER)


CASES: list[Callable[[Path, Path], None]] = [
    link_to_a_session,
    dangling_link,
    link_to_itself,
    plain_file,
    fifo,
    unix_socket,
    directory_without_marker,
    directory_of_a_stranger,
    directory_open_to_the_group,
    directory_open_to_all,
    marker_is_a_link,
    marker_is_a_fifo,
    marker_is_a_directory,
    marker_of_a_stranger,
]


def _picture(path: Path) -> list[tuple[str, int, int, int]]:
    """Every inode below, so that nothing can be touched without a difference."""
    entries = [path, *sorted(path.rglob("*"))] if not path.is_symlink() else [path]
    found = [(entry.name, entry.lstat()) for entry in entries]
    return [(name, at.st_ino, at.st_mode, at.st_mtime_ns) for name, at in found]


@pytest.mark.parametrize("plant", CASES, ids=lambda case: case.__name__)
async def test_what_is_planted_is_no_session_and_is_left_alone(
    tmpfs: TmpfsPlace, plant: Callable[[Path, Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    store = tmpfs.store()
    live = await store.open(60)
    path = tmpfs.path / PLANTED
    plant(path, tmpfs.path / live.id)
    before = _picture(path)
    for _ in range(2):
        with pytest.raises(SessionNotFound):
            await store.get(PLANTED)
        with pytest.raises(SessionNotFound):
            await store.close(PLANTED)
    sweep(store)
    tmpfs.clock.advance(61)
    sweep(store)
    assert _picture(path) == before
    assert store.counts().planted == 4
    assert len([each for each in caplog.messages if "did not make it" in each]) == 1
    # The planted thing ended nobody else's session, nor kept it from ending.
    assert store.counts().expired == 1


async def test_a_copy_in_good_order_would_have_been_a_session(tmpfs: TmpfsPlace) -> None:
    """Without this the cases above could pass because the copy itself is refused."""
    store = tmpfs.store()
    live = await store.open(60)
    _copy(tmpfs.path / PLANTED, tmpfs.path / live.id)
    assert (await store.get(PLANTED)).expires == live.expires


@pytest.mark.parametrize("name", [".tmp-x", ".del-x", "hello.txt", "under_score", PLANTED])
@pytest.mark.parametrize("plant", [plain_file, dangling_link, fifo], ids=lambda c: c.__name__)
async def test_a_sweep_leaves_what_is_no_directory_of_ours(
    tmpfs: TmpfsPlace, name: str, plant: Callable[[Path, Path], None]
) -> None:
    store = tmpfs.store()
    plant(tmpfs.path / name, tmpfs.path)
    os.utime(tmpfs.path / name, (0, 0), follow_symlinks=False)
    sweep(store)
    tmpfs.clock.advance(120)
    sweep(store)
    assert tmpfs.names() == {name}


async def test_all_foreign_entries_get_one_warning(
    tmpfs: TmpfsPlace, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmpfs.store()
    for number in range(5):
        (tmpfs.path / f"directory-{number}").mkdir()
        (tmpfs.path / f"file.{number}").touch()
    await store.open(60)
    for _ in range(3):
        sweep(store)
        tmpfs.clock.advance(61)
    warnings = [each for each in caplog.messages if "left alone" in each]
    assert len(warnings) == 1
    assert len(tmpfs.names()) == 10


async def test_foreign_directories_do_not_count_as_sessions(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store(max_sessions=1)
    (tmpfs.path / "foreign").mkdir()
    sweep(store)
    assert store.count() == 0
    await store.open(60)
    assert store.count() == 1


async def test_what_a_link_points_to_survives_the_end_of_a_session(
    tmpfs: TmpfsPlace, scratch: Path
) -> None:
    store = tmpfs.store()
    canary = scratch / "canary"
    canary.mkdir()
    (canary / "file").write_text("here")
    live = await store.open(60)
    (tmpfs.path / live.id / "link").symlink_to(canary)
    await store.close(live.id)
    sweep(store)
    assert tmpfs.names() == set()
    assert (canary / "file").read_text() == "here"


async def test_a_name_can_not_be_swapped_for_a_link_during_an_end(
    tmpfs: TmpfsPlace, scratch: Path
) -> None:
    store: TmpfsStore = tmpfs.store()
    canary = scratch / "canary"
    canary.mkdir()
    (canary / "file").write_text("here")
    (tmpfs.path / ".del-swapped").symlink_to(canary)
    layout = Layout(store.sweep.layout.root)
    with pytest.raises(OSError):
        layout.delete(".del-swapped")
    assert (canary / "file").read_text() == "here"
