"""Places to keep sessions in, on a real tmpfs, emptied after each test."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.sessions.contract import Place, TmpfsPlace
from tests.sessions.full import INODES
from tests.sessions.redis_place import RedisPlace
from tests.sessions.redis_server import Kind, RedisServer


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def moved_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from moved(tmp_path_factory.mktemp("redis"), "redis")


@pytest.fixture(scope="session")
def moved_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from moved(tmp_path_factory.mktemp("valkey"), "valkey")


def moved(directory: Path, kind: Kind) -> Iterator[RedisServer]:
    server = RedisServer(directory, kind=kind, frozen=True)
    server.set_time(0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["tmpfs", "redis", "valkey"])
async def place(request: pytest.FixtureRequest, scratch: Path) -> AsyncIterator[Place]:
    place: Place
    if request.param == "tmpfs":
        place = TmpfsPlace(scratch / "sessions")
    else:
        place = RedisPlace(request.getfixturevalue(f"moved_{request.param}"))
    yield place
    await place.leave()


@pytest.fixture
async def redis_place(moved_redis: RedisServer) -> AsyncIterator[RedisPlace]:
    place = RedisPlace(moved_redis)
    yield place
    await place.leave()


@pytest.fixture
async def tmpfs(scratch: Path) -> AsyncIterator[TmpfsPlace]:
    place = TmpfsPlace(scratch / "sessions")
    yield place
    await place.leave()


@pytest.fixture
def mount(scratch: Path) -> Iterator[Callable[[str], Path]]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    mounted: list[Path] = []

    def make(options: str) -> Path:
        path = scratch / f"mount-{len(mounted)}"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "sidecar", path], check=True)
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.fixture
async def small(mount: Callable[[str], Path]) -> AsyncIterator[TmpfsPlace]:
    place = TmpfsPlace(mount(f"size=64k,nr_inodes={INODES}") / "sessions")
    yield place
    await place.leave()
