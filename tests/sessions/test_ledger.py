"""The ledger of ends: in order, never early, and forgetful on request."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sidecar.sessions.ledger import PARTS_OF_A_SECOND, Ledger

LATE = 1 / PARTS_OF_A_SECOND


def due(ledger: Ledger, now: float) -> list[str]:
    found = []
    while ledger.is_due(now):
        if (session_id := ledger.pop()) is not None:
            found.append(session_id)
    return found


@given(
    st.dictionaries(st.from_regex(r"[a-z0-9]{1,40}", fullmatch=True), st.floats(0, 100)),
    st.floats(0, 100),
)
def test_what_has_ended_is_due_and_nothing_else(ends: dict[str, float], now: float) -> None:
    ledger = Ledger()
    for session_id, end in ends.items():
        ledger.add(session_id, end)
    assert len(ledger) == len(ends)
    found = due(ledger, now)
    assert len(found) == len(set(found))
    assert {each for each, end in ends.items() if end <= now - LATE} <= set(found)
    assert all(ends[each] <= now for each in found)
    moments = [math.ceil(ends[each] * PARTS_OF_A_SECOND) for each in found]
    assert moments == sorted(moments)
    assert len(ledger) == len(ends) - len(found)


def test_what_was_discarded_is_not_handed_out() -> None:
    ledger = Ledger()
    for session_id in ("a", "b", "c"):
        ledger.add(session_id, 1.0)
    ledger.discard("b")
    ledger.discard("never-added")
    assert "b" not in ledger
    assert sorted(due(ledger, 2.0)) == ["a", "c"]
    assert len(ledger) == 0
    assert not ledger.is_due(1e9)


def test_one_that_comes_back_is_due_again() -> None:
    ledger = Ledger()
    ledger.add("a", 1.0)
    assert due(ledger, 1.0) == ["a"]
    ledger.add("a", 2.0)
    assert "a" in ledger
    assert due(ledger, 1.9) == []
    assert due(ledger, 2.0) == ["a"]
