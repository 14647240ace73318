"""Since when a replica has not been ready, and whether what it remembered is lost by now.

From outside, the memory of a process cannot be seen. Seen are:

- A connection is refused: no process listens there, so the one that did is gone with all that it
  remembered. It counts as a short restart, which sessions survive, when the replica is ready again
  within the grace; it is for the operator to say how long his engine's sessions live on after it.
- No answer in time, or an answer that says "not ready": the process may be busy or stopped and may
  remember everything. Only after a long silence it is taken for dead.

A restart between two looks is not seen at all.
"""

import time
from collections.abc import Callable
from enum import Enum, auto


class Condition(Enum):
    """What a probe has found."""

    READY = auto()
    UNWELL = auto()
    GONE = auto()


class Outage:
    """grace, silence: seconds after which a replica that is gone, or unwell, is lost."""

    def __init__(
        self, grace: float, silence: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grace = grace
        self._silence = silence
        self._clock = clock
        self._ready_since: float | None = None
        self._gone_since: float | None = None
        self._unwell_since: float | None = None

    def note(self, condition: Condition) -> None:
        """One that was gone and takes connections again is not back before it is ready."""
        now = self._clock()
        if condition is Condition.READY:
            self._gone_since = self._unwell_since = None
            self._ready_since = self._ready_since or now
            return
        self._ready_since = None
        self._unwell_since = self._unwell_since or now
        if condition is Condition.GONE:
            self._gone_since = self._gone_since or now

    @property
    def is_gone(self) -> bool:
        return self._gone_since is not None

    @property
    def is_over(self) -> bool:
        """It has been ready for as long as another one may be gone."""
        return self._lasts(self._ready_since, self._grace)

    @property
    def is_loss(self) -> bool:
        return self._lasts(self._gone_since, self._grace) or self._lasts(
            self._unwell_since, self._silence
        )

    def _lasts(self, since: float | None, limit: float) -> bool:
        return since is not None and self._clock() - since >= limit
