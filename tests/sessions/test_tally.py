"""How many sessions have which text in their state. Holds for every store."""

from tests.sessions.contract import Place


async def test_live_sessions_of_all_processes_are_counted(place: Place) -> None:
    store, other = place.store(), place.store()
    for number in range(9):
        state = {"replica": f"http://{'ab'[number % 2]}:1"}
        await (store, other)[number % 2].open(60, state=state)
    await store.open(60)
    await store.open(60, state={"replica": 7, "other": "http://a:1"})
    await store.open(20, state={"replica": "http://c:1"})
    closed = await store.open(60, state={"replica": "http://b:1"})
    moved = await store.open(60, state={"replica": "http://a:1"})
    await other.close(closed.id)
    await other.save(moved.id, {"replica": "http://b:1"})
    place.clock.advance(21)
    for each in (store, other):
        assert await each.tally("replica") == {"http://a:1": 5, "http://b:1": 5}
        assert await each.tally("nothing") == {}
