"""A log that breaks off, and a record that we did not write, on tmpfs."""

import pytest

from sidecar.errors import SessionNotFound, StoreUnavailable
from tests.sessions.contract import TmpfsPlace
from tests.sessions.test_events import turns


async def test_a_torn_tail_is_passed_over_and_cut(tmpfs: TmpfsPlace) -> None:
    """Wherever a killed process or a full file system broke off."""
    store = tmpfs.store()
    opened = await store.open(60)
    log = tmpfs.path / opened.id / ".sidecar.events"
    await store.append(opened.id, turns(0, 2))
    whole = log.read_bytes()
    await store.append(opened.id, turns(2, 4))
    both = log.read_bytes()
    for end in range(len(whole), len(both)):
        log.write_bytes(both[:end])
        assert await store.events(opened.id) == turns(0, 2)
        await store.append(opened.id, turns(4, 5))
        assert await store.events(opened.id) == turns(0, 2) + turns(4, 5)
        log.write_bytes(both[:end])
        await store.drop_events(opened.id, 1)
        assert await store.events(opened.id) == turns(1, 2)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 200_000])
async def test_a_torn_tail_of_any_length(tmpfs: TmpfsPlace, size: int) -> None:
    store = tmpfs.store()
    for before in ([], turns(0, 2)):
        opened = await store.open(60)
        log = tmpfs.path / opened.id / ".sidecar.events"
        await store.append(opened.id, before)
        with log.open("ab") as file:
            file.write(b"[" + b"x" * (size - 1))
        await store.append(opened.id, turns(2, 3))
        assert await store.events(opened.id) == before + turns(2, 3)
        assert b"x" not in log.read_bytes().replace(b"text", b"")


async def test_a_line_that_somebody_else_wrote_is_told(tmpfs: TmpfsPlace) -> None:
    store = tmpfs.store()
    opened = await store.open(60)
    await store.append(opened.id, turns(0, 2))
    with (tmpfs.path / opened.id / ".sidecar.events").open("ab") as file:
        file.write(b"not ours\n")
    for call in (store.events(opened.id), store.drop_events(opened.id, 5)):
        with pytest.raises(StoreUnavailable, match="changed by somebody else"):
            await call
    await store.close(opened.id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "[1,null,0,{}]",
        '["a1",null,0,"[]"]',
        '["a1","x",0,"{}"]',
        '["a1",null,0,"{}",1]',
        "[" * 30_000,
        "x" * 100_000,
        "\udcff",
    ],
    ids=lambda text: text[:20],
)
async def test_a_record_that_is_not_ours_makes_it_no_session(tmpfs: TmpfsPlace, text: str) -> None:
    store = tmpfs.store()
    opened = await store.open(60, owner="a1")
    record = tmpfs.path / opened.id / ".sidecar.record"
    record.write_text(text, errors="surrogateescape")
    for owner in (None, "a1", "", "1"):
        with pytest.raises(SessionNotFound):
            await store.get(opened.id, owner)
