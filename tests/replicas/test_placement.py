"""Which replica is chosen, as a pure function of what speaks against each."""

import pytest

from sidecar.engine.placement import Doubt, Load, least

FINE, EJECTED, NOT_READY, GONE = Doubt

# the loads, where to start among equals, the choice
CASES = {
    "fewest sessions": ([(FINE, 3, 0), (FINE, 1, 9), (FINE, 2, 0)], 0, 1),
    "then fewest in flight": ([(FINE, 1, 4), (FINE, 1, 2), (FINE, 2, 0)], 0, 1),
    "one that is ejected is empty": ([(EJECTED, 0, 0), (FINE, 500, 500)], 0, 1),
    "one that is not ready is empty": ([(FINE, 9, 9), (NOT_READY, 0, 0)], 0, 0),
    "ejected but ready is better than not ready": ([(NOT_READY, 0, 0), (EJECTED, 9, 9)], 0, 1),
    "not ready is better than gone": ([(GONE, 0, 0), (NOT_READY, 9, 9)], 0, 1),
    "all gone: the least of them": ([(GONE, 2, 0), (GONE, 1, 0)], 0, 1),
    "equal: the one whose turn it is": ([(FINE, 0, 0)] * 3, 1, 1),
    "equal: past the end": ([(FINE, 0, 0), (FINE, 1, 0), (FINE, 1, 0)], 4, 0),
    "equal: the next in turn, not the first": ([(FINE, 0, 0), (FINE, 1, 0), (FINE, 0, 0)], 1, 2),
    "only one": ([(GONE, 7, 7)], 5, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_choice(name: str) -> None:
    loads, start, chosen = CASES[name]
    assert least([Load(*load) for load in loads], start) == chosen


@pytest.mark.parametrize("count", [2, 3, 7])
def test_an_idle_fleet_is_used_evenly(count: int) -> None:
    idle = [Load(FINE, 0, 0)] * count
    start, used = 0, [0] * count
    for _ in range(10 * count):
        chosen = least(idle, start)
        used[chosen] += 1
        start = chosen + 1
    assert used == [10] * count


@pytest.mark.parametrize("had", [[0, 0, 0], [5, 0, 2], [0, 0, 30]])
def test_sessions_level_out(had: list[int]) -> None:
    start, sessions = 0, list(had)
    for _ in range(60):
        chosen = least([Load(FINE, each, 0) for each in sessions], start)
        sessions[chosen] += 1
        start = chosen + 1
    assert max(sessions) - min(sessions) <= 1
