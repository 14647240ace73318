"""The janitor: ends what has expired, deletes what has ended, adopts what others left.

It runs in a thread, a tick at a time, so no directory listing and no rmtree holds up a request.
Each process sweeps what it made. The one that holds the root's lock also adopts what it did not
make, since another process may have been killed: it scans at its start, when the lock comes to
it, when the number of directories differs from what it knows, and once a minute.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Iterator

from sidecar.clock import Clock
from sidecar.sessions.layout import ENDED, MAKING, OWN, Layout, Lifetime, NotASession
from sidecar.sessions.ledger import Ledger
from sidecar.sessions.session import is_well_formed

LOG = logging.getLogger("sidecar.sessions")

# A tick may work this long; stopping waits for it, and so does what was just closed.
BUDGET = 0.05
# Others' sessions must be known before they expire: off the disk within 8 s is the promise.
RESCAN_CHANGED = 4.0
RESCAN_ALWAYS = 60.0
RETRY = 5.0
# Making takes microseconds; half-made for longer than this means that the maker died.
HALF_MADE_LIMIT = 60.0
# A scan that meets only known names makes no system call, so it would keep the interpreter's lock
# for the whole switch interval of 5 ms.
BREATHE_EVERY = 256


class Sweep:
    """All mutable state belongs to the thread that ticks.

    The loop only appends to `_inbox` (an id with the end of its life, or with None once it was
    ended) and to `_trash` (names of directories to delete), and reads lengths.
    """

    def __init__(self, layout: Layout, clock: Clock, ttl_limit: float) -> None:
        self._layout = layout
        self._root = layout.root
        self._clock = clock
        self._ttl_limit = ttl_limit
        self._inbox: deque[tuple[str, float | None]] = deque()
        self._ledger = Ledger()
        self._trash: deque[str] = deque()
        self._scan: Iterator[None] | None = None
        self._scan_wanted = True
        self._scanned_at = 0.0
        self._directories: int | None = None
        self._is_janitor = False
        # ctime is set by the kernel, so it is compared with the kernel's clock, not the moved one.
        self._started = time.time()
        self._complained: set[tuple[str, int | None]] = set()
        self._warned = False
        self.foreign_directories = 0
        self.ended = 0

    def __len__(self) -> int:
        """Sessions that this process knows."""
        return len(self._ledger)

    @property
    def undeleted(self) -> int:
        return len(self._trash)

    def opened(self, session_id: str, end: float) -> None:
        self._inbox.append((session_id, end))

    def ended_and_deleted(self, session_id: str) -> None:
        self._inbox.append((session_id, None))

    def ended_with_files(self, session_id: str) -> None:
        self._trash.append(ENDED + session_id)
        self._inbox.append((session_id, None))

    def close(self) -> None:
        self._scan = None

    def tick(self, budget: float = BUDGET) -> bool:
        """Do what is due, for about `budget` seconds; True if there is more to do now."""
        deadline = time.perf_counter() + budget
        if not self._is_there():
            return False
        self._take_turns()
        self._read_inbox()
        self._empty_trash(deadline)
        self._end_expired(deadline)
        self._go_on_scanning(deadline)
        return bool(self._inbox or self._trash or self._scan or self._is_due())

    def _is_there(self) -> bool:
        try:
            self._root.revive()
        except OSError as error:
            self._complain("make the sessions directory again", error)
            return False
        return True

    def _take_turns(self) -> None:
        was_janitor, self._is_janitor = self._is_janitor, self._root.lock()
        if self._is_janitor and not was_janitor:
            self._scan, self._scan_wanted = None, True

    def _read_inbox(self) -> None:
        while self._inbox:
            session_id, end = self._inbox.popleft()
            self._count_directories(-1 if end is None else 1)
            if end is None:
                self._ledger.discard(session_id)
            else:
                self._ledger.add(session_id, end)

    def _count_directories(self, change: int) -> None:
        if self._directories is not None:
            self._directories += change

    def _empty_trash(self, deadline: float) -> None:
        while self._trash and time.perf_counter() < deadline:
            self._delete(self._trash[0])
            self._trash.popleft()

    def _delete(self, name: str) -> None:
        try:
            self._layout.delete(name)
        except OSError as error:
            # Left for the next scan, so that one bad directory is not tried without a pause.
            self._complain("delete an ended session", error)

    def _is_due(self) -> bool:
        return self._ledger.is_due(self._clock.boot())

    def _end_expired(self, deadline: float) -> None:
        while self._is_due() and time.perf_counter() < deadline:
            session_id = self._ledger.pop()
            if session_id is not None:
                self._end_if_expired(session_id)

    def _end_if_expired(self, session_id: str) -> None:
        """The marker is read again: another process may have ended or prolonged the session."""
        try:
            end = self._layout.read(session_id).end
            if end > self._clock.boot():
                self._ledger.add(session_id, end)
            else:
                self._end(session_id)
        except (NotASession, FileNotFoundError):
            pass
        except OSError as error:
            self._complain("end an expired session", error)
            self._ledger.add(session_id, self._clock.boot() + RETRY)

    def _end(self, session_id: str) -> None:
        name = self._layout.end(session_id)
        self.ended += 1
        self._count_directories(-1)
        self._delete(name)

    def _go_on_scanning(self, deadline: float) -> None:
        if self._scan is None and self._is_scan_due():
            self._scan = self._scanning()
        if self._scan is None:
            return
        try:
            for _ in self._scan:
                if time.perf_counter() >= deadline:
                    return
        except OSError as error:
            self._complain("list the sessions", error)
        self._scan = None

    def _is_scan_due(self) -> bool:
        if self._scan_wanted:
            return True
        age = self._clock.boot() - self._scanned_at
        changed = self._root.directories() != self._directories
        wait = RESCAN_CHANGED if changed else RESCAN_ALWAYS
        return self._is_janitor and age >= wait

    def _scanning(self) -> Iterator[None]:
        """What a killed process left goes first: it is to be gone soon, however many there are."""
        self._scan_wanted = False
        self._scanned_at = self._clock.boot()
        self._directories = self._root.directories()
        for name in self._names():
            if name.startswith("."):
                self._tidy(name)
            yield
        if not self._is_janitor:
            return
        foreign_directories = 0
        for name in self._names():
            if not name.startswith(".") and name not in self._ledger:
                foreign_directories += not self._meet(name)
            yield
        self.foreign_directories = foreign_directories

    def _names(self) -> Iterator[str]:
        # A descriptor of its own: two listings over one would share their position.
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._root.fd)
        try:
            with os.scandir(fd) as entries:
                for position, entry in enumerate(entries):
                    if position % BREATHE_EVERY == 0:
                        time.sleep(0)
                    yield entry.name
        finally:
            os.close(fd)

    def _tidy(self, name: str) -> None:
        try:
            if name.startswith(ENDED) and self._layout.is_ours(name):
                self._delete(name)
            elif name.startswith(MAKING) and self._is_abandoned(name):
                # Taken by rename, so that a maker who is alive after all cannot commit a
                # directory whose marker is being deleted; it then makes another one.
                self._delete(self._layout.end_half_made(name))
            elif not name.startswith((ENDED, MAKING, OWN)):
                self._warn_of_foreign(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._complain("clean up", error)

    def _is_abandoned(self, name: str) -> bool:
        """Older than this process or than a minute; a time to come means that a clock was set."""
        if not self._layout.is_ours(name):
            return False
        changed, now = self._layout.changed(name), time.time()
        oldest = max(self._started, now - HALF_MADE_LIMIT)
        return not oldest <= changed <= now + HALF_MADE_LIMIT

    def _meet(self, name: str) -> bool:
        """Look at an entry that is not known; False if it is a directory that is not ours."""
        try:
            lifetime = self._layout.read(name) if is_well_formed(name) else None
        except NotASession:
            lifetime = None
        except FileNotFoundError:
            return True
        except OSError as error:
            self._complain("read a session", error)
            return True
        if lifetime is not None:
            self._adopt_clamped(name, lifetime)
            return True
        return self._end_former_boots(name)

    def _adopt_clamped(self, session_id: str, lifetime: Lifetime) -> None:
        """No session is promised more than the limit, whatever the marker says by now."""
        latest = self._clock.boot() + self._ttl_limit
        if lifetime.end > latest:
            lifetime = lifetime._replace(end=latest)
            try:
                self._layout.set(session_id, lifetime)
            except OSError as error:
                self._complain("shorten a session", error)
        self._ledger.add(session_id, lifetime.end)

    def _end_former_boots(self, name: str) -> bool:
        try:
            if self._layout.is_ours(name) and self._layout.is_from_former_boot(name):
                self._end(name)
                return True
            self._warn_of_foreign(name)
            return not self._layout.is_directory(name)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._complain("end a session of a former boot", error)
            return True

    def _warn_of_foreign(self, name: str) -> None:
        if not self._warned:
            self._warned = True
            LOG.warning(
                "%s holds entries that are not sessions of the sidecar, such as %.40r; "
                "they are left alone",
                self._root.path,
                name,
            )

    def _complain(self, what: str, error: OSError) -> None:
        if (what, error.errno) not in self._complained:
            self._complained.add((what, error.errno))
            LOG.error("could not %s in %s: %s", what, self._root.path, error.strerror)
