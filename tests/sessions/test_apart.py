"""A store apart shares a directory with another one, and nothing else."""

import tempfile
from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock


async def test_an_id_of_one_means_nothing_in_the_other() -> None:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        clock = MovedClock()
        store = TmpfsStore(Root(Path(path)), clock=clock, ttl_limit=60)
        apart = store.apart("other", ttl_limit=3600)
        for each in (store, apart):
            await each.start()
        mine, other = await store.open(60), await apart.open(600, session_id="given")
        with pytest.raises(SessionNotFound):
            await store.get(other.id)
        with pytest.raises(SessionNotFound):
            await apart.get(mine.id)
        with pytest.raises(SessionNotFound):
            await store.close(".sidecar-other")
        assert [session.id for session in await store.list_sessions(10)] == [mine.id]
        assert [session.id for session in await apart.list_sessions(10)] == [other.id]
        assert (await store.open(60, session_id="given")).id == "given"
        for each in (store, apart):
            await each.stop()


async def test_its_directory_is_no_session_of_the_other() -> None:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        clock = MovedClock()
        before = TmpfsStore(Root(Path(path)), clock=clock, ttl_limit=60)
        before.apart("other", ttl_limit=60)
        await before.stop()
        store = TmpfsStore(Root(Path(path)), clock=clock, ttl_limit=60, max_sessions=1)
        while store.sweep.tick():
            pass
        assert store.count() == 0
        await store.open(60)
        await store.stop()
