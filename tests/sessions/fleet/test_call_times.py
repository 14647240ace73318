"""The time that the server's answers take is counted, and only theirs."""

import pytest

from sidecar.errors import StoreUnavailable
from tests.sessions.redis_place import RedisPlace


async def test_answers_are_counted_with_their_time(redis_place: RedisPlace) -> None:
    store = redis_place.store()
    opened = await store.open(60)
    await store.get(opened.id)
    counts = store.counts()
    assert counts.answered == 2 and 0 < counts.waited < 2


async def test_a_call_without_an_answer_is_none(redis_place: RedisPlace) -> None:
    store = redis_place.store()
    await store.stop()
    with pytest.raises(StoreUnavailable):
        await store.open(60)
    assert (store.counts().answered, store.counts().waited) == (0, 0)
