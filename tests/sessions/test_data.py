"""Keys and values that a session keeps for the engine. Holds for every store."""

import pytest

from sidecar.errors import BadRequest, BodyTooLarge, StoreFull
from sidecar.sessions.store import KEYS_LIMIT, VALUE_LIMIT
from tests.sessions.contract import Place

KEYS = ["a", "turns", "A-b_c.d:e", "0", "_x", "a" * 128, "trailing-", "trailing."]
NO_KEYS = ["", ".", "..", ".sidecar.record", ".expiration_ts", "-a", "a..b", "../a", "/etc/passwd"]
NO_KEYS += ["a/../b", "a" * 129, "caf\u00e9", "a b", "a\n", "a\0", "a\\b", "a\udc80", "a%2fb", "*"]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:16])
async def test_what_was_put_is_got_listed_and_deleted(place: Place, key: str) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60)
    assert await store.get_data(opened.id, key) is None
    assert await store.delete_data(opened.id, key) is False
    await store.put_data(opened.id, key, b'{"turn": 1}')
    await other.put_data(opened.id, key, b"[2]")
    assert await store.get_data(opened.id, key) == b"[2]"
    assert await other.data_keys(opened.id) == [key]
    assert await store.delete_data(opened.id, key) is True
    assert await store.data_keys(opened.id) == []
    assert await other.get_data(opened.id, key) is None


async def test_a_slash_is_a_dash(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    await store.put_data(opened.id, "a/b", b"1")
    assert await store.get_data(opened.id, "a-b") == b"1"
    assert await store.data_keys(opened.id) == ["a-b"]
    assert await store.delete_data(opened.id, "a/b")


@pytest.mark.parametrize("key", NO_KEYS, ids=lambda key: repr(key)[:16])
async def test_what_is_no_key_is_refused(place: Place, key: str) -> None:
    store = place.store()
    opened = await store.open(60, state={"engine": "1"})
    for call in (
        lambda: store.put_data(opened.id, key, b"1"),
        lambda: store.get_data(opened.id, key),
        lambda: store.delete_data(opened.id, key),
    ):
        with pytest.raises(BadRequest, match="a key has 1 to 128 letters"):
            await call()
    assert await store.data_keys(opened.id) == []
    assert await store.state(opened.id) == {"engine": "1"}


async def test_values_have_a_largest_size(place: Place) -> None:
    store = place.store()
    opened = await store.open(60)
    await store.put_data(opened.id, "key", bytes(VALUE_LIMIT))
    with pytest.raises(BodyTooLarge, match=str(VALUE_LIMIT)):
        await store.put_data(opened.id, "key", bytes(VALUE_LIMIT + 1))
    assert await store.get_data(opened.id, "key") == bytes(VALUE_LIMIT)


async def test_keys_have_a_largest_number(place: Place) -> None:
    store = place.store()
    opened = await store.open(60, state={"engine": "1"})
    keys = sorted(f"key-{number}" for number in range(KEYS_LIMIT))
    for key in keys:
        await store.put_data(opened.id, key, b"")
    with pytest.raises(StoreFull, match=str(KEYS_LIMIT)):
        await store.put_data(opened.id, "one-more", b"")
    await store.put_data(opened.id, keys[0], b"again")
    assert await store.data_keys(opened.id) == keys
    await store.delete_data(opened.id, keys[1])
    await store.put_data(opened.id, "one-more", b"")


async def test_data_stay_over_a_restart_and_go_with_the_session(place: Place) -> None:
    former = place.store()
    opened = await former.open(60)
    await former.put_data(opened.id, "key", b"1")
    await place.leave()
    store = place.store()
    assert await store.get_data(opened.id, "key") == b"1"
    assert (await store.get(opened.id)).expires == opened.expires
    await store.close(opened.id)
    assert store.count() == 0
