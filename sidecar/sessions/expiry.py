"""The end of a session whose time is over, with what its owner is to be told of it."""

import json
from collections.abc import Callable
from typing import NamedTuple

from sidecar.clock import Clock
from sidecar.sessions.layout import ENDED, EXPIRED, Layout, Marker, NotASession, read_marker
from sidecar.sessions.pin import Pin
from sidecar.sessions.record import PLAIN, Damaged, read_record
from sidecar.sessions.session import Session


class Untold(NamedTuple):
    """It stays pinned until it was told of, so that no other process takes it for a leftover."""

    name: str
    why: str
    session: Session
    pin: Pin


class Ended(NamedTuple):
    name: str
    """To delete, once it was told of."""
    age: float
    untold: Untold | None
    """None if nobody listens."""


class Expiry:
    """For the loop and for the sweeping thread: it has no state but the listener."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self.listener: Callable[[Session, str], None] | None = None

    def end(self, session_id: str) -> Ended | None:
        """None: it lives.

        Raises NotASession, BlockingIOError while another process ends it, or OSError.
        """
        with Pin(self._layout, session_id) as pin:
            marker = self._layout.read(session_id)
            if marker.end > self._clock.boot():
                return None
            # Before the end: what cannot be read now is told of, and ended, later.
            session = self._read(session_id, session_id)
            name = pin.end(EXPIRED)
            untold = None if session is None else Untold(name, "expired", session, pin.keep())
            return Ended(name, self._age(marker), untold)

    def adopt(self, name: str) -> Untold | str | None:
        """Of an ended directory that was met: what is to be told, or, if nothing is, the name to
        delete; or None: a live process is at it."""
        session_id, how, _ = name.removeprefix(ENDED).rpartition(EXPIRED)
        if self.listener is None or not how:
            return name
        try:
            with Pin(self._layout, name) as pin:
                session = self._read(session_id, name)
                return name if session is None else Untold(name, "adopted", session, pin.keep())
        except BlockingIOError:
            return None
        except FileNotFoundError:
            # The marker goes first, so it has been told of.
            return name

    def _read(self, session_id: str, name: str) -> Session | None:
        """What is to be told, if anybody listens and nobody has damaged it."""
        if self.listener is None:
            return None
        try:
            marker = read_marker(f"{name}/{self._layout.marker}", self._layout.root.fd)
            record = PLAIN
            if marker.recorded:
                record = read_record(name, dir_fd=self._layout.root.fd)
        except (Damaged, NotASession):
            return None
        expires = round(self._end(marker), 3)
        state = json.loads(record.state)
        return Session(session_id, marker.created, expires, record.owner, state)

    def _end(self, marker: Marker) -> float:
        """Wall clock."""
        return self._clock.wall() + (marker.end - self._clock.boot())

    def _age(self, marker: Marker) -> float:
        """When its time was over, which may be long ago; less than nothing if the wall clock was
        set back. Rounded, so that one of an idle time falls into that time's bucket."""
        return max(0.0, round(self._end(marker) - marker.created, 3))
