"""How long something took, without the time in which the machine stood still.

A virtual machine may be stopped for a second, or give its processors to others. Limits in tests are
for what the sidecar does, so such a second does not count against it.
"""

import threading
import time

_TICK = 0.02
# Later than that a thread that only sleeps is not woken up on a machine that runs.
_LATE = 0.05


class _Ticker(threading.Thread):
    """Notices by sleeping: each time that it wakes up too late, nobody else had run either."""

    def __init__(self) -> None:
        super().__init__(name="watch", daemon=True)
        self._state = (0.0, time.monotonic())  # how long it stood in all, and the last tick

    def run(self) -> None:
        while True:
            time.sleep(_TICK)
            self._state = (self.stood(), time.monotonic())

    def stood(self) -> float:
        stood, last = self._state
        late = time.monotonic() - last - _TICK
        return stood + late if late > _LATE else stood


_TICKER = _Ticker()
_TICKER.start()


class Watch:
    """Runs from the moment that it is made."""

    def __init__(self) -> None:
        self._stood = _TICKER.stood()
        self._begun = time.monotonic()

    def passed(self) -> float:
        """Seconds by the clock: what has to be waited for is not done earlier."""
        return time.monotonic() - self._begun

    def worked(self) -> float:
        """Seconds in which the machine ran."""
        return self.passed() - (_TICKER.stood() - self._stood)

    def between(self, least: float, most: float) -> bool:
        return least <= self.passed() and self.worked() < most

    def __repr__(self) -> str:
        return f"{self.passed():.2f} s by the clock, {self.worked():.2f} s without standstills"
