"""How a session begins on a file system: its times, its record, and the place it gets."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from sidecar.clock import Clock
from sidecar.errors import SessionExists, SessionNotFound, StoreFailed, StoreFull
from sidecar.sessions.counts import Counts
from sidecar.sessions.layout import Layout, Marker
from sidecar.sessions.record import PLAIN, Record, encode_state
from sidecar.sessions.root import NO_ROOM, TAKEN
from sidecar.sessions.session import Session, check_given

# Whoever ends what has the id needs some microseconds between the decision and the rename.
_WAITS = (0.0005, 0.001, 0.002)


class Making:
    """`check_room` raises StoreFull or OSError, `find` SessionNotFound for what does not live."""

    def __init__(
        self,
        layout: Layout,
        clock: Clock,
        counts: Counts,
        *,
        check_room: Callable[[], None],
        find: Callable[[str, str | None], object],
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._counts = counts
        self._check_room = check_room
        self._find = find

    def make(
        self,
        ttl: float,
        idle: float | None,
        owner: str | None,
        state: Mapping[str, Any] | None,
        session_id: str | None,
    ) -> tuple[Session, float]:
        """With its end on the boot clock. Raises as `Store.open` does."""
        if session_id is not None:
            check_given(session_id)
        # The boot clock is read first: time that passes in between then shortens the session,
        # which must not outlive the second that is announced.
        boot, wall = self._clock.boot(), self._clock.wall()
        latest = math.floor(wall + ttl)
        expires = latest if idle is None else min(latest, wall + idle)
        record = PLAIN
        if not (idle is None and owner is None and not state):
            record = Record(owner, idle, boot + (latest - wall), encode_state(state or {}))
        marker = Marker(wall, boot + (expires - wall), record is not PLAIN)
        session_id = self._place(marker, latest, record, session_id)
        kept = {} if record is PLAIN else json.loads(record.state)
        return Session(session_id, wall, float(expires), owner, kept), marker.end

    def _place(self, marker: Marker, expires: float, record: Record, session_id: str | None) -> str:
        try:
            self._check_room()
            return self._create(marker, expires, record, session_id)
        except StoreFull:
            self._counts.refused += 1
            raise
        except OSError as error:
            raise self._not_created(error) from error

    def _create(
        self, marker: Marker, expires: float, record: Record, session_id: str | None
    ) -> str:
        """Tried again: the root may have been deleted, or another process that starts with a
        clock set forward took our half-made directory for an abandoned one, or a session of
        that id has expired and is still there."""
        for wait in _WAITS:
            if session_id is not None:
                self._refuse_if_live(session_id)
            try:
                return self._layout.create(marker, expires, record, session_id)
            except FileNotFoundError:
                self._layout.root.revive()
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
                time.sleep(wait)
        return self._layout.create(marker, expires, record, session_id)

    def _refuse_if_live(self, session_id: str) -> None:
        with contextlib.suppress(SessionNotFound):
            self._find(session_id, None)
            raise SessionExists(session_id)

    def _not_created(self, error: OSError) -> StoreFailed | StoreFull:
        if error.errno in NO_ROOM:
            self._counts.refused += 1
            return StoreFull(
                f"no room for a new session in {self._layout.root.path} ({error.strerror}); "
                "close one or try again later"
            )
        self._counts.errors["open"] += 1
        return StoreFailed(f"Failed to create session: {error.strerror}")
