"""When a replica counts as lost, by what its probes have found and when."""

import pytest

from sidecar.engine.outage import Condition, Outage
from tests.harness.clock import MovedClock

READY, UNWELL, GONE = Condition
GRACE, SILENCE = 5.0, 120.0

# (after so many seconds, a probe found this), seconds after the last, gone, lost
STORIES = {
    "never probed": ([], 1000, False, False),
    "ready": ([(0, READY)], 1000, False, False),
    "just gone": ([(0, READY), (1, GONE)], 4.9, True, False),
    "gone for too long": ([(0, READY), (1, GONE)], 5, True, True),
    "gone, asked again and again": ([(0, GONE), (2, GONE), (2, GONE)], 1, True, True),
    "gone from the start": ([(0, GONE)], 5, True, True),
    "back in time": ([(0, GONE), (4, READY)], 100, False, False),
    "back in time, twice": ([(0, GONE), (4, READY), (1, GONE)], 4, True, False),
    "back too late": ([(0, GONE), (60, READY)], 0, False, False),
    "unwell": ([(0, READY), (1, UNWELL)], 119, False, False),
    "unwell for too long": ([(0, READY), (1, UNWELL)], 120, False, True),
    "unwell, but not all the time": ([(0, UNWELL), (119, READY), (1, UNWELL)], 100, False, False),
    "gone, and not ready soon enough": ([(0, GONE), (1, UNWELL)], 4, True, True),
    "gone, and loading for a short time": ([(0, GONE), (1, UNWELL), (2, READY)], 9, False, False),
    "unwell, then gone": ([(0, UNWELL), (60, GONE)], 4, True, False),
    "unwell, then gone for too long": ([(0, UNWELL), (60, GONE)], 5, True, True),
}


@pytest.mark.parametrize("name", STORIES)
def test_loss(name: str) -> None:
    found, later, gone, lost = STORIES[name]
    clock = MovedClock()
    outage = Outage(GRACE, SILENCE, clock=clock.boot)
    for seconds, condition in found:
        clock.advance(seconds)
        outage.note(condition)
    clock.advance(later + 0.0001)  # its numbers are no exact floats
    assert (outage.is_gone, outage.is_loss) == (gone, lost)


def test_over_is_what_has_been_ready_for_the_grace() -> None:
    clock = MovedClock()
    outage = Outage(GRACE, SILENCE, clock=clock.boot)
    outage.note(GONE)
    clock.advance(100)
    assert not outage.is_over
    outage.note(READY)
    clock.advance(GRACE - 0.001)
    outage.note(READY)
    assert not outage.is_over
    clock.advance(0.002)
    assert outage.is_over
    outage.note(UNWELL)
    assert not outage.is_over


def test_without_a_grace_a_refused_connection_is_a_loss() -> None:
    clock = MovedClock()
    outage = Outage(0, 0, clock=clock.boot)
    assert not outage.is_loss
    outage.note(GONE)
    assert outage.is_loss
    outage.note(READY)
    assert not outage.is_loss
