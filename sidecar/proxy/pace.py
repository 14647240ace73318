"""How long a client may keep us waiting: its head, its body, its reading, its last words.

One of these per connection, looked at once a second: no timer and no task per request.
"""

import time
from dataclasses import dataclass

from sidecar.config import Settings

# How long an ended connection may still send: RFC 9112 section 9.6 asks for "a while".
_ENDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and for the body also bytes per second once the grace is over."""

    head: float
    idle: float
    send: float
    body_grace: float
    body_min_rate: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.head_timeout,
            settings.keepalive_timeout,
            settings.send_timeout,
            settings.body_grace,
            settings.body_min_rate,
        )


class Pace:
    """Since when the client has kept us waiting, for each thing that it can be slow at."""

    __slots__ = (
        "_body",
        "_ending_since",
        "_quiet_since",
        "_received_before",
        "_stalled_since",
        "head_since",
        "is_ending",
        "received",
    )

    def __init__(self) -> None:
        self.received = 0  # bytes, ever
        self.head_since: float | None = time.monotonic()
        self._body: tuple[float, int] | None = None  # (since, received then)
        self._quiet_since = 0.0
        self._received_before = -1  # when it was last looked at
        self._stalled_since: float | None = None
        self._ending_since = 0.0
        self.is_ending = False

    def head_arriving(self) -> None:
        if self.head_since is None:
            self.head_since = time.monotonic()

    def want_body(self) -> bool:
        """From now on the client is expected to send its body. False: it already was."""
        if self._body is not None:
            return False
        self._body = (time.monotonic(), self.received)
        return True

    def body_done(self) -> None:
        self._body = None

    def write_paused(self) -> None:
        self._stalled_since = time.monotonic()

    def write_resumed(self) -> None:
        self._stalled_since = None

    def end(self) -> None:
        self._ending_since = time.monotonic()
        self.is_ending = True
        self._body = None  # what still comes of it is dropped, however slowly

    def head_is_late(self, now: float, limits: Limits) -> bool:
        # The check runs once a second: one second early is never late.
        return self.head_since is not None and now - self.head_since > limits.head - 1

    def idle_is_over(self, now: float, limits: Limits) -> bool:
        """Asked once a second of a connection without a request: no stamp on the hot path."""
        if self._received_before != self.received:
            self._quiet_since, self._received_before = now, self.received
            return False
        return now - self._quiet_since > limits.idle

    def reader_is_late(self, now: float, limits: Limits) -> bool:
        return self._stalled_since is not None and now - self._stalled_since > limits.send

    def ending_is_over(self, now: float) -> bool:
        return self.is_ending and now - self._ending_since > _ENDING_SECONDS

    def body_is_late(self, now: float, limits: Limits, *, we_paused: bool) -> bool:
        """Whether it came below the rate since the last look. we_paused: it is our own doing."""
        if self._body is None or not limits.body_min_rate:
            return False
        since, before = self._body
        if we_paused:
            self._body = (now, self.received)
            return False
        if now - since <= limits.body_grace:
            return False
        self._body = (now, self.received)
        return self.received - before < limits.body_min_rate * (now - since)
