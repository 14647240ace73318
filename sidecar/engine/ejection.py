"""A replica whose requests fail one after the other gets no new ones for a while.

What counts as a fault, and what does not:

- No connection: one is enough, for nobody is there. A probe that gets one ends the ejection.
- A connection that breaks before or inside an answer: three in a row, because one may be the fault
  of the request. A probe shows less than that, so only time ends this ejection, or an answer.
- 503, three in a row: the engine says that it cannot serve now (RFC 9110 section 15.6.4), and one
  that refuses in no time would look idle and draw everybody's requests.
- No other answer, whatever its status: engines answer 500 for a bad prompt.
- No time-out of an answer: long prompts take long. The probe finds an engine that hangs.
"""

import random
import time
from collections.abc import Callable

IN_A_ROW = 3
# Doubled with each ejection until an answer comes. The first is that of a probe; the last is as
# long as Envoy's first, for our probes find a replica that is down by themselves.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# Part of a pause, up or down, so that processes do not try again in step.
JITTER = 0.2
UNAVAILABLE = 503


class Ejection:
    """What one replica's requests came to: counted, and judged."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.answers = 0
        self.faults = 0
        self._clock = clock
        self._chance = chance
        self._in_a_row = 0
        self._pause = FIRST_PAUSE
        self._until = 0.0
        self._unreachable = False

    @property
    def left(self) -> float:
        """Seconds until it gets requests again; 0: it does."""
        return max(0.0, self._until - self._clock()) if self._until else 0.0

    def note_answer(self, status: int) -> None:
        self.answers += 1
        if status == UNAVAILABLE:
            self._note_fault(1)
        else:
            self._in_a_row = 0
            self._pause = FIRST_PAUSE
            self._until = 0.0

    def note_break(self) -> None:
        self._note_fault(1)

    def note_no_connection(self) -> None:
        self._unreachable = self._unreachable or not self.left
        self._note_fault(IN_A_ROW)

    def note_connection(self) -> None:
        """A probe was let in."""
        if self._unreachable:
            self._unreachable = False
            self._in_a_row = 0
            self._until = 0.0

    def _note_fault(self, weight: int) -> None:
        self.faults += 1
        if self.left:  # of a request that was already on its way, or had nowhere else to go
            return
        self._in_a_row += weight
        if self._in_a_row >= IN_A_ROW:
            pause = self._pause * (1 + JITTER * (2 * self._chance() - 1))
            self._until = self._clock() + pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
