"""Killed, or failed by the file system, at each single system call: all or nothing stays."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sidecar.errors import SessionNotFound
from sidecar.sessions.tmpfs import TmpfsStore
from tests.sessions import strace
from tests.sessions.contract import TmpfsPlace, sweep
from tests.sessions.victim import EVENTS, KEY, VALUES

LEFT_BY_A_FORMER_PROCESS = (".tmp-a", ".del-b")


def prepare(directory: Path) -> None:
    """With what an earlier victim left, so that the start has something to do."""
    directory.mkdir(0o700)
    for name in LEFT_BY_A_FORMER_PROCESS:
        (directory / name).mkdir(0o700)
        (directory / name / "key").write_text("{}")


async def examine(directory: Path, said: list[list[str]]) -> None:
    """A new process on that directory: it starts, and has what was acknowledged and no more."""
    opened = {rest[0] for word, *rest in said if word == "opened"}
    closing = {rest[0] for word, *rest in said if word == "closing"}
    closed = {rest[0] for word, *rest in said if word == "closed"}
    place = TmpfsPlace(directory)
    place.clock.advance(10)
    store = place.store()
    told = {rest[0] for word, *rest in said if word == "told"}
    store.on_ended = lambda session, why: told.add(session.id)
    for session_id in opened - closing:
        assert (await store.get(session_id)).id == session_id
        await examine_contents(store, session_id, said)
    for session_id in closed:
        with pytest.raises(SessionNotFound):
            await store.get(session_id)
    sweep(store)
    assert opened - closing <= place.names()
    assert not [name for name in place.names() if name.startswith(".")]
    # Of each that expired somebody has been told, whenever the process was killed.
    assert {rest[0] for word, *rest in said if word == "opened-briefly"} <= told
    assert not told & opened
    for session_id in place.names():
        await store.get(session_id)
        await store.close(session_id)
    assert (await store.open(60)).id in place.names()
    await place.leave()


class Kept(NamedTuple):
    """What is in a session."""

    state: dict[str, Any]
    events: list[dict[str, Any]]
    data: bytes | None

    def and_then(self, what: str, number: int) -> "Kept":
        match what:
            case "state":
                return self._replace(state={"number": number})
            case "events":
                return self._replace(events=[*self.events, *EVENTS[number]])
            case "data":
                return self._replace(data=VALUES[number])
            case "dropped":
                return self._replace(events=self.events[1:])
            case _:
                return self._replace(data=None)


def acknowledged(said: list[list[str]], session_id: str) -> list[Kept]:
    """What must be there; of two, the second if the process was killed on the way to it."""
    words = [(word, *rest[0].split()) for word, *rest in said if word.startswith(("kept-", "keep"))]
    about = [(word, int(number)) for word, about, number in words if about == session_id]
    kept = Kept({}, [], None)
    for word, number in about:
        if word.startswith("kept-"):
            kept = kept.and_then(word.removeprefix("kept-"), number)
    if said[-1][0].startswith("keeping-") and said[-1][1].startswith(session_id):
        word, number = about[-1]
        return [kept, kept.and_then(word.removeprefix("keeping-"), number)]
    return [kept]


async def examine_contents(store: TmpfsStore, session_id: str, said: list[list[str]]) -> None:
    found = await store.get(session_id)
    assert await store.state(session_id) == found.state
    kept = Kept(found.state, await store.events(session_id), await store.get_data(session_id, KEY))
    assert kept in acknowledged(said, session_id)
    await store.append(session_id, EVENTS[0])
    assert await store.events(session_id) == [*kept.events, *EVENTS[0]]


def find_points(scratch: Path, calls: frozenset[str]) -> list[strace.Point]:
    strace.require()
    prepare(scratch / "first")
    return strace.points(scratch / "first", scratch / "first.log", calls)


async def test_killed_at_every_call_that_changes_something(scratch: Path) -> None:
    points = find_points(scratch, strace.CHANGES)
    kinds = {point.call for point in points}
    assert {"mkdirat", "openat", "utimensat", "renameat", "unlinkat", "write"} <= kinds
    for strike in strace.strike_everywhere(points, "signal=KILL", prepare, scratch):
        assert strike.code
        try:
            await examine(strike.directory, strike.said)
        except (AssertionError, SessionNotFound) as error:
            raise AssertionError(f"killed at {strike.point}") from error


@pytest.mark.parametrize("error, calls", [("EIO", strace.CALLS), ("ENOSPC", strace.CHANGES)])
async def test_an_error_of_any_call_is_told_and_leaves_nothing_half_made(
    scratch: Path, error: str, calls: frozenset[str]
) -> None:
    points = [point for point in find_points(scratch, calls) if not point.is_speech]
    assert len(points) > 100
    for strike in strace.strike_everywhere(points, f"error={error}", prepare, scratch):
        names = {each.name for each in strike.directory.iterdir()}
        half_made = {name for name in names if name.startswith(".tmp-")}
        half_made_files = [*strike.directory.glob("*/.sidecar.new")]
        try:
            assert (strike.code, strike.said[-1]) == (0, ["done"])
            assert not half_made_files
            assert half_made <= set(LEFT_BY_A_FORMER_PROCESS)
            await examine(strike.directory, strike.said)
        except (AssertionError, SessionNotFound) as failure:
            raise AssertionError(f"{error} at {strike.point}: {strike.said}") from failure
