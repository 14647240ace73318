"""What others left in the sessions directory: half-made, ended, live or foreign entries.

What a killed process left goes first: it is to be gone soon, however many sessions there are.
"""

import os
import time
from collections.abc import Iterator

from sidecar.clock import Clock
from sidecar.sessions.complaints import Complaints
from sidecar.sessions.layout import ENDED, MAKING, OWN, Layout, NotASession
from sidecar.sessions.ledger import Ledger
from sidecar.sessions.leftovers import Leftovers
from sidecar.sessions.removal import Removal
from sidecar.sessions.root import Root
from sidecar.sessions.session import is_well_formed

# A scan that meets only known names makes no system call, so it would keep the interpreter's lock
# for the whole switch interval of 5 ms.
BREATHE_EVERY = 256


def names(root: Root) -> Iterator[str]:
    """Slowly, for a thread beside the loop."""
    # A descriptor of its own: two listings over one would share their position.
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root.fd)
    try:
        with os.scandir(fd) as entries:
            for position, entry in enumerate(entries):
                if position % BREATHE_EVERY == 0:
                    time.sleep(0)
                yield entry.name
    finally:
        os.close(fd)


class Scan:
    """One object for all scans: it belongs to the thread that sweeps."""

    def __init__(
        self,
        layout: Layout,
        clock: Clock,
        ttl_limit: float,
        *,
        ledger: Ledger,
        removal: Removal,
        complaints: Complaints,
    ) -> None:
        self._layout = layout
        self._leftovers = Leftovers(layout)
        self._clock = clock
        self._ttl_limit = ttl_limit
        self._ledger = ledger
        self._removal = removal
        self._complaints = complaints
        self.own_directories = 0  # stores apart
        self.foreign_directories = 0

    def run(self, is_janitor: bool) -> Iterator[None]:
        own_directories = 0
        for name in names(self._layout.root):
            if name.startswith("."):
                self._tidy(name)
                own_directories += name.startswith(f"{OWN}-")
            yield
        self.own_directories = own_directories
        if not is_janitor:
            return
        foreign_directories = 0
        for name in names(self._layout.root):
            if not name.startswith(".") and name not in self._ledger:
                foreign_directories += not self._meet(name)
            yield
        self.foreign_directories = foreign_directories

    def _tidy(self, name: str) -> None:
        try:
            if name.startswith(ENDED) and self._leftovers.is_ours(name):
                self._removal.adopt(name)
            elif name.startswith(MAKING) and self._leftovers.is_abandoned(name):
                # Taken by rename, so that a maker who is alive after all cannot commit a
                # directory whose marker is being deleted; it then makes another one.
                self._removal.delete(self._leftovers.take(name))
            elif not name.startswith((ENDED, MAKING, OWN)):
                self._complaints.foreign(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._complaints.failed("clean up", error)

    def _meet(self, name: str) -> bool:
        """Look at an entry that is not known; False if it is a directory that is not ours."""
        try:
            end = self._layout.end_of(name) if is_well_formed(name) else None
        except NotASession:
            end = None
        except FileNotFoundError:
            return True
        except OSError as error:
            self._complaints.failed("read a session", error)
            return True
        if end is not None:
            self._adopt(name, end)
            return True
        return self._end_former_boots(name)

    def _adopt(self, session_id: str, end: float) -> None:
        """No session is promised more than the limit, whatever the marker says by now."""
        latest = self._clock.boot() + self._ttl_limit
        if end > latest:
            end = latest
            try:
                self._layout.set_end(session_id, end)
            except OSError as error:
                self._complaints.failed("shorten a session", error)
        self._ledger.add(session_id, end)

    def _end_former_boots(self, name: str) -> bool:
        try:
            if self._leftovers.is_ours(name) and self._leftovers.is_from_former_boot(name):
                self._removal.finish(self._leftovers.end(name))
                return True
            self._complaints.foreign(name)
            return not self._leftovers.is_directory(name)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._complaints.failed("end a session of a former boot", error)
            return True
