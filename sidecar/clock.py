"""Time, from one object, so that tests can move it."""

import time
from functools import partial
from typing import Protocol


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds since 1970, UTC. May be set back or forward by an operator."""

    def boot(self) -> float:
        """Seconds since the machine started, sleep included. Never steps; shared by processes."""


class SystemClock:
    wall = staticmethod(time.time)
    boot = staticmethod(partial(time.clock_gettime, time.CLOCK_BOOTTIME))
