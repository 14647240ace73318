"""The end of sessions: the rename that commits it, then the deletion of what is in them."""

import time
from collections import deque

from sidecar.sessions.complaints import Complaints
from sidecar.sessions.layout import ENDED, Layout


class Removal:
    """The loop only appends to `_trash` and reads lengths; the rest is the sweeping thread's."""

    def __init__(self, layout: Layout, complaints: Complaints) -> None:
        self._layout = layout
        self._complaints = complaints
        self._trash: deque[str] = deque()
        self._busy: list[str] = []
        self.ended = 0

    def __len__(self) -> int:
        """Directories that have ended and are still there."""
        return len(self._trash) + len(self._busy)

    @property
    def is_due(self) -> bool:
        return bool(self._trash)

    def throw_away(self, session_id: str) -> None:
        """What is in an ended session goes with the next tick."""
        self._trash.append(ENDED + session_id)

    def end(self, session_id: str) -> None:
        name = self._layout.end(session_id)
        self.ended += 1
        self.delete(name)

    def delete(self, name: str) -> None:
        try:
            self._layout.delete(name)
        except BlockingIOError:
            # Somebody writes into it: with the next tick that has gone to sleep in between.
            self._busy.append(name)
        except OSError as error:
            # Left for the next scan, so that one bad directory is not tried without a pause.
            self._complaints.failed("delete an ended session", error)

    def retry_busy(self) -> None:
        self._trash.extend(self._busy)
        self._busy.clear()

    def empty_trash(self, deadline: float) -> None:
        while self._trash and time.perf_counter() < deadline:
            self.delete(self._trash[0])
            self._trash.popleft()
