"""The janitor: ends what has expired, deletes what has ended, adopts what others left.

It runs in a thread, a tick at a time, so no directory listing and no rmtree holds up a request.
Each process sweeps what it made. The one that holds the root's lock also adopts what it did not
make, since another process may have been killed: it scans at its start, when the lock comes to
it, when the number of directories differs from what it knows, and once a minute.
"""

import time
from collections import deque
from collections.abc import Iterator

from sidecar.clock import Clock
from sidecar.sessions.complaints import Complaints
from sidecar.sessions.expiry import Expiry, Untold
from sidecar.sessions.layout import Layout, NotASession
from sidecar.sessions.ledger import Ledger
from sidecar.sessions.removal import Removal
from sidecar.sessions.scan import Scan

# A tick may work this long; stopping waits for it, and so does what was just closed.
BUDGET = 0.05
# Others' sessions must be known before they expire: off the disk within 8 s is the promise.
RESCAN_CHANGED = 4.0
RESCAN_ALWAYS = 60.0
RETRY = 5.0


class Sweep:
    """All mutable state belongs to the thread that ticks.

    The loop only appends to `_inbox` (an id with the end of its life, or with None once it was
    ended) and to the trash, and reads lengths.
    """

    def __init__(self, layout: Layout, clock: Clock, ttl_limit: float) -> None:
        self.layout = layout
        self._clock = clock
        self._inbox: deque[tuple[str, float | None]] = deque()
        self._ledger = Ledger()
        self._complaints = Complaints(layout.root.path)
        self.expiry = Expiry(layout, clock)
        self.removal = Removal(layout, self.expiry, self._complaints)
        self.scan = Scan(
            layout,
            clock,
            ttl_limit,
            ledger=self._ledger,
            removal=self.removal,
            complaints=self._complaints,
        )
        self._scanning: Iterator[None] | None = None
        self._scan_wanted = True
        self._scanned_at = 0.0
        self._opened = 0
        self._others: int | None = None
        self._is_janitor = False

    def __len__(self) -> int:
        """Sessions that this process knows."""
        return len(self._ledger)

    @property
    def failures(self) -> int:
        return self._complaints.failures

    @property
    def not_live(self) -> int:
        """Directories that are none, or not any more."""
        return self.scan.own_directories + self.scan.foreign_directories + len(self.removal)

    def opened(self, session_id: str, end: float) -> None:
        self._inbox.append((session_id, end))

    def ended_and_deleted(self, session_id: str) -> None:
        self._inbox.append((session_id, None))

    def ended_with_files(self, session_id: str, name: str) -> None:
        self.removal.throw_away(name)
        self._inbox.append((session_id, None))

    def ended_untold(self, session_id: str, untold: Untold) -> None:
        self.removal.tell_later(untold)
        self._inbox.append((session_id, None))

    def close(self) -> None:
        self._scanning = None
        self.removal.let_go()

    def tick(self, budget: float = BUDGET) -> bool:
        """Do what is due, for about `budget` seconds; True if there is more to do now."""
        deadline = time.perf_counter() + budget
        if not self._is_there():
            return False
        self._take_turns()
        self._read_inbox()
        self.removal.retry_busy()
        self.removal.empty_trash(deadline)
        self._end_expired(deadline)
        self._go_on_scanning(deadline)
        return bool(self._inbox or self.removal.is_due or self._scanning or self._is_due())

    def _is_there(self) -> bool:
        try:
            self.layout.root.revive()
        except OSError as error:
            self._complaints.failed("make the sessions directory again", error)
            return False
        return True

    def _take_turns(self) -> None:
        was_janitor, self._is_janitor = self._is_janitor, self.layout.root.lock()
        if self._is_janitor and not was_janitor:
            self._scanning, self._scan_wanted = None, True

    def _read_inbox(self) -> None:
        while self._inbox:
            session_id, end = self._inbox.popleft()
            if end is None:
                self._opened -= 1
                self._ledger.discard(session_id)
            else:
                self._opened += 1
                self._ledger.add(session_id, end)

    def _is_due(self) -> bool:
        return self._ledger.is_due(self._clock.boot())

    def _end_expired(self, deadline: float) -> None:
        while self._is_due() and time.perf_counter() < deadline:
            if self.removal.has_all_it_can_tell:
                return
            session_id = self._ledger.pop()
            if session_id is not None:
                self._end_if_expired(session_id)

    def _end_if_expired(self, session_id: str) -> None:
        """The marker is read again: somebody may have ended or touched the session."""
        try:
            end = self.layout.end_of(session_id)
            if end > self._clock.boot():
                self._ledger.add(session_id, end)
            elif not self.removal.expire(session_id):
                self._ledger.add(session_id, self._clock.boot() + RETRY)
        except BlockingIOError:
            self._ledger.add(session_id, self._clock.boot() + RETRY)
        except (NotASession, FileNotFoundError):
            pass
        except OSError as error:
            self._complaints.failed("end an expired session", error)
            self._ledger.add(session_id, self._clock.boot() + RETRY)

    def _go_on_scanning(self, deadline: float) -> None:
        if self._scanning is None and self._is_scan_due():
            self._scanning = self._scan_anew()
        if self._scanning is None:
            return
        try:
            for _ in self._scanning:
                if time.perf_counter() >= deadline:
                    return
        except OSError as error:
            self._complaints.failed("list the sessions", error)
        self._scanning = None

    def _is_scan_due(self) -> bool:
        if self._scan_wanted:
            return True
        age = self._clock.boot() - self._scanned_at
        changed = self._count_others() != self._others
        wait = RESCAN_CHANGED if changed else RESCAN_ALWAYS
        return self._is_janitor and age >= wait

    def _scan_anew(self) -> Iterator[None]:
        self._scan_wanted = False
        self._scanned_at = self._clock.boot()
        self._others = self._count_others()
        return self.scan.run(self._is_janitor)

    def _count_others(self) -> int | None:
        """Directories that this process did not make, if those that it ended are taken off."""
        directories = self.layout.root.directories()
        if directories is None:
            return None
        return directories - (self._opened - self.removal.ended)
