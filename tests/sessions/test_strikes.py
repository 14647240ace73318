"""Killed, or failed by the file system, at each single system call: all or nothing stays."""

from pathlib import Path

import pytest

from sidecar.errors import SessionNotFound
from tests.sessions import strace
from tests.sessions.contract import TmpfsPlace, sweep

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
    for session_id in opened - closing:
        assert (await store.get(session_id)).id == session_id
    for session_id in closed:
        with pytest.raises(SessionNotFound):
            await store.get(session_id)
    sweep(store)
    assert opened - closing <= place.names()
    assert not [name for name in place.names() if name.startswith(".")]
    for session_id in place.names():
        await store.get(session_id)
        await store.close(session_id)
    assert (await store.open(60)).id in place.names()
    await place.leave()


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
    assert len(points) > 40
    for strike in strace.strike_everywhere(points, f"error={error}", prepare, scratch):
        names = {each.name for each in strike.directory.iterdir()}
        half_made = {name for name in names if name.startswith(".tmp-")}
        try:
            assert (strike.code, strike.said[-1]) == (0, ["done"])
            assert half_made <= set(LEFT_BY_A_FORMER_PROCESS)
            await examine(strike.directory, strike.said)
        except (AssertionError, SessionNotFound) as failure:
            raise AssertionError(f"{error} at {strike.point}: {strike.said}") from failure
