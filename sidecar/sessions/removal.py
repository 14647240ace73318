"""What comes after the end of a session: it is told of, then what is in it is deleted."""

import logging
import time
from collections import deque

from sidecar.histogram import Histogram
from sidecar.sessions.complaints import Complaints
from sidecar.sessions.counts import AGES
from sidecar.sessions.expiry import Expiry, Untold
from sidecar.sessions.layout import Layout

LOG = logging.getLogger("sidecar.sessions")
# Each has a descriptor open.
_UNTOLD_LIMIT = 64


class Removal:
    """The loop appends to `_trash` and `_untold`, empties `_untold`, and reads lengths; the rest is
    the sweeping thread's."""

    def __init__(self, layout: Layout, expiry: Expiry, complaints: Complaints) -> None:
        self._layout = layout
        self._expiry = expiry
        self._complaints = complaints
        self._untold: deque[Untold] = deque()
        self._trash: deque[str] = deque()
        self._busy: list[str] = []
        self.ended = 0
        self.ages = Histogram(AGES)

    def __len__(self) -> int:
        """Directories that have ended and are still there."""
        return len(self._untold) + len(self._trash) + len(self._busy)

    @property
    def is_due(self) -> bool:
        return bool(self._trash)

    @property
    def has_all_it_can_tell(self) -> bool:
        return len(self._untold) >= _UNTOLD_LIMIT

    def throw_away(self, name: str) -> None:
        """What is in an ended session goes with the next tick."""
        self._trash.append(name)

    def tell_later(self, untold: Untold) -> None:
        self._untold.append(untold)

    def tell(self) -> bool:
        """On the loop: of what has ended by itself. True if there was any."""
        told = bool(self._untold)
        while self._untold:
            self._tell(self._untold.popleft())
        return told

    def let_go(self) -> None:
        """At the stop: what was not told of by now is another process's, or that of a later one."""
        while self._untold:
            self._untold.popleft().pin.release()

    def expire(self, session_id: str) -> bool:
        """False if it lives. Raises NotASession or OSError."""
        ended = self._expiry.end(session_id)
        if ended is None:
            return False
        self.ended += 1
        self.ages.note(ended.age)
        self._part_with(ended.untold or ended.name)
        return True

    def finish(self, name: str) -> None:
        """Delete one that ended with the machine: nobody is told, and nobody knows its age."""
        self.ended += 1
        self.delete(name)

    def adopt(self, name: str) -> None:
        """An ended session that was met: of a killed process, or of one that is at it."""
        found = self._expiry.adopt(name)
        if found is not None:
            self._part_with(found)

    def delete(self, name: str) -> None:
        try:
            self._layout.delete(name)
        except BlockingIOError:
            # Somebody writes into it: with the next tick that has gone to sleep in between.
            self._busy.append(name)
        except OSError as error:
            # Left for the next scan, so that one bad directory is not tried without a pause.
            self._complaints.failed("delete an ended session", error)

    def _part_with(self, found: Untold | str) -> None:
        if isinstance(found, Untold):
            self._untold.append(found)
        else:
            self.delete(found)

    def _tell(self, untold: Untold) -> None:
        try:
            if self._expiry.listener is not None:
                self._expiry.listener(untold.session, untold.why)
        except Exception:
            LOG.exception("what follows the end of session %.8s... failed", untold.session.id)
        # The marker goes at once: a process that stops now leaves nothing to be told of again.
        if not self._layout.delete_own(untold.name):
            self._trash.append(untold.name)
        untold.pin.release()

    def retry_busy(self) -> None:
        self._trash.extend(self._busy)
        self._busy.clear()

    def empty_trash(self, deadline: float) -> None:
        while self._trash and time.perf_counter() < deadline:
            self.delete(self._trash[0])
            self._trash.popleft()
