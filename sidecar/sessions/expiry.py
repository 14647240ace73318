"""The end of a session whose time is over, with what its owner is to be told of it."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from sidecar.clock import Clock
from sidecar.sessions.layout import ENDED, EXPIRED, Layout, NotASession, read_marker
from sidecar.sessions.pin import Pin
from sidecar.sessions.record import PLAIN, Damaged, read_record
from sidecar.sessions.session import Session


class Ended(NamedTuple):
    """It stays pinned until it was told of, so that no other process takes it for a leftover."""

    name: str
    why: str
    session: Session
    pin: Pin


class Expiry:
    """For the loop and for the sweeping thread: it has no state but the listener."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self.listener: Callable[[Session, str], None] | None = None

    def end(self, session_id: str) -> Ended | str | None:
        """What is to be told of; or, if nobody listens, a name to delete; or None: it lives.

        Raises NotASession, BlockingIOError while another process ends it, or OSError.
        """
        with Pin(self._layout, session_id) as pin:
            if self._layout.read(session_id).end > self._clock.boot():
                return None
            return self._part(session_id, pin.end(EXPIRED), "expired", pin)

    def adopt(self, name: str) -> Ended | str | None:
        """The same of an ended directory that was met; None: a live process is at it."""
        session_id, how, _ = name.removeprefix(ENDED).rpartition(EXPIRED)
        if self.listener is None or not how:
            return name
        try:
            with Pin(self._layout, name) as pin:
                return self._part(session_id, name, "adopted", pin)
        except BlockingIOError:
            return None
        except FileNotFoundError:
            # The marker goes first, so it has been told of.
            return name

    def _part(self, session_id: str, name: str, why: str, pin: Pin) -> Ended | str:
        session = self._read(session_id, name) if self.listener is not None else None
        if session is None:
            return name
        return Ended(name, why, session, pin.keep())

    def _read(self, session_id: str, name: str) -> Session | None:
        with suppress(OSError, Damaged, NotASession):
            marker = read_marker(f"{name}/{self._layout.marker}", self._layout.root.fd)
            record = PLAIN
            if marker.recorded:
                record = read_record(name, dir_fd=self._layout.root.fd)
            expires = round(self._clock.wall() + (marker.end - self._clock.boot()), 3)
            state = json.loads(record.state)
            return Session(session_id, marker.created, expires, record.owner, state)
        return None
