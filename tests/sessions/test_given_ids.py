"""Sessions under ids that callers chose. Holds for every store."""

import asyncio
import re
from itertools import product

import pytest

from sidecar.errors import BadRequest, SessionExists, SessionNotFound
from sidecar.sessions.session import GIVEN_ID_LIMIT, is_well_formed
from tests.sessions.contract import Place

MINE, OTHERS = "a1" * 32, "b2" * 32
GIVEN = ["7", "conv1", "local-dev-session", "A--b-0", "x" * GIVEN_ID_LIMIT, "18446744073709551615"]
NO_IDS = ["", "-", "a-", "a_b", "a.b", "a~b", "..", "a/b", "a\n", "x" * (GIVEN_ID_LIMIT + 1)]


@pytest.mark.parametrize("session_id", GIVEN, ids=lambda each: each[:24])
async def test_it_is_a_session_like_any_other(place: Place, session_id: str) -> None:
    store, other = place.store(), place.store()
    opened = await store.open(60, session_id=session_id, owner=MINE, state={"engine": "1"})
    assert opened.id == session_id
    found = await other.get(session_id, MINE)
    assert (found.state, found.expires) == ({"engine": "1"}, opened.expires)
    assert [each.id for each in await store.list_sessions(10)] == [session_id]
    with pytest.raises(SessionNotFound):
        await store.get(session_id, OTHERS)
    await other.close(session_id, MINE)
    with pytest.raises(SessionNotFound):
        await store.get(session_id)


@pytest.mark.parametrize("session_id", NO_IDS, ids=lambda each: repr(each)[:24])
async def test_what_is_no_id_is_refused(place: Place, session_id: str) -> None:
    store = place.store()
    with pytest.raises(BadRequest, match=f"1 to {GIVEN_ID_LIMIT} letters"):
        await store.open(60, session_id=session_id)
    assert store.count() == 0


@pytest.mark.parametrize("owner", [MINE, OTHERS, None])
async def test_a_live_one_is_not_replaced(place: Place, owner: str | None) -> None:
    store, other = place.store(), place.store()
    await store.open(60, session_id="conv1", owner=MINE, state={"first": 1})
    for each in (store, other):
        with pytest.raises(SessionExists, match="conv1") as refused:
            await each.open(60, session_id="conv1", owner=owner)
        assert refused.value.status == 409
    assert (await store.get("conv1", MINE)).state == {"first": 1}
    assert store.count() == 1


@pytest.mark.parametrize("end", ["closed", "expired", "idle"])
async def test_the_id_is_free_when_its_session_has_ended(place: Place, end: str) -> None:
    store, other = place.store(), place.store()
    for number in range(4):
        which = (store, other)[number % 2]
        opened = await which.open(60, idle=20, session_id="conv1", owner=MINE, state={"n": number})
        assert opened.state == {"n": number}
        assert await which.events("conv1") == []
        assert await which.get_data("conv1", "key") is None
        await which.append("conv1", [{"turn": 1}])
        await which.put_data("conv1", "key", b"1")
        if end == "closed":
            await which.close("conv1")
        else:
            place.clock.advance(61 if end == "expired" else 21)
    with pytest.raises(SessionNotFound):
        await store.get("conv1")


async def test_a_new_owner_has_nothing_of_the_former_one(place: Place) -> None:
    store, other = place.store(), place.store()
    await store.open(30, session_id="conv1", owner=MINE, state={"engine": "mine"})
    await store.get("conv1", MINE)
    place.clock.advance(31)
    await other.open(60, session_id="conv1", owner=OTHERS)
    with pytest.raises(SessionNotFound):
        await store.get("conv1", MINE)
    with pytest.raises(SessionNotFound):
        await store.close("conv1", MINE)
    assert (await store.get("conv1", OTHERS)).state == {}


async def test_of_many_openers_exactly_one_succeeds(place: Place) -> None:
    stores = [place.store() for _ in range(4)]
    for _ in range(5):
        ends = await asyncio.gather(
            *(store.open(60, session_id="conv1") for store in stores for _ in range(3)),
            return_exceptions=True,
        )
        lost = [each for each in ends if isinstance(each, BaseException)]
        assert len(lost) == 11
        assert all(isinstance(each, SessionExists) for each in lost)
        await stores[0].close("conv1")


async def test_a_closer_of_the_former_session_does_not_end_the_next(place: Place) -> None:
    """Openers and closers of one id without a pause: what was acknowledged holds."""
    stores = [place.store() for _ in range(2)]
    await stores[0].open(60, session_id="conv1", state={"n": 0})
    for number in range(1, 30):
        closes = [store.close("conv1") for store in stores for _ in range(2)]
        ends = await asyncio.gather(*closes, return_exceptions=True)
        assert ends.count(None) == 1
        await stores[number % 2].open(60, session_id="conv1", state={"n": number})
        assert (await stores[0].get("conv1")).state == {"n": number}


def test_a_session_id_is_what_the_platform_takes_for_one() -> None:
    """botocore's sagemaker-runtime service model: SessionIdHeader."""
    pattern = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
    texts = ("".join(text) for length in range(6) for text in product("aZ0-._\n", repeat=length))
    for text in texts:
        assert is_well_formed(text) == (pattern.fullmatch(text) is not None), text
