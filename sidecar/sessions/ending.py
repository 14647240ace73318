"""What follows when the loop ends a session: it is counted, forgotten, and deleted or handed to the
sweep."""

from sidecar.clock import Clock
from sidecar.sessions.background import Background
from sidecar.sessions.counts import Counts
from sidecar.sessions.layout import Layout, NotASession
from sidecar.sessions.lookup import Lookup
from sidecar.sessions.sweep import Sweep


class Ending:
    def __init__(
        self, layout: Layout, clock: Clock, lookup: Lookup, sweep: Sweep, counts: Counts
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._lookup = lookup
        self._sweep = sweep
        self._counts = counts
        self.background = Background(sweep)

    def closed(self, session_id: str, name: str, created: float) -> None:
        self._delete(session_id, name)
        self._counts.note_closed(self._clock.wall() - created)

    def expire(self, session_id: str) -> None:
        """Ended by whoever sees it first, so that it is counted once; the sweep tries again."""
        try:
            ended = self._sweep.expiry.end(session_id)
        except (NotASession, OSError):
            return
        if ended is None:
            return
        self._counts.note_expired(ended.age)
        if ended.untold is None:
            self._delete(session_id, ended.name)
            return
        self._lookup.forget(session_id)
        self._sweep.ended_untold(session_id, ended.untold)
        self.background.wake()

    def _delete(self, session_id: str, name: str) -> None:
        self._lookup.forget(session_id)
        if self._layout.delete_own(name):
            self._sweep.ended_and_deleted(session_id)
        else:
            self._sweep.ended_with_files(session_id, name)
            self.background.wake()
