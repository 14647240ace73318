"""All client connections of this process, of both lanes; and the end of those that are too slow."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from sidecar.dialects.intent import Answer
from sidecar.errors import ClientTooSlow, Overloaded, SidecarError
from sidecar.proxy.pace import Limits, Pace
from sidecar.proxy.reset import reset

# Of those above the maximum, so many may wait until their client has read the refusal: each holds
# a descriptor for that time.
_MAY_LINGER = 32


class Client(Protocol):
    """What both lanes' connections show of themselves."""

    pace: Pace
    transport: asyncio.Transport | None

    @property
    def is_idle(self) -> bool:
        """Nothing of a request has come, or its sender only waits for the connection's end."""

    @property
    def is_held(self) -> bool:
        """We have stopped reading, so the client cannot send."""

    def say_last(self, answer: Answer) -> None:
        """Answer outside of any request, and end."""

    def fail_body(self, error: SidecarError) -> None:
        """Give up on the body that is coming."""

    def check(self, now: float) -> None:
        """Called once a second."""


class Connections:
    """`refuse`: how an error is worded for a client of which no request is known yet."""

    def __init__(
        self, limits: Limits, maximum: int, refuse: Callable[[SidecarError], Answer]
    ) -> None:
        self._limits = limits
        self._maximum = maximum
        self._refuse = refuse
        self._members: set[Client] = set()

    def __len__(self) -> int:
        return len(self._members)

    def all(self) -> list[Client]:
        return list(self._members)

    def busy(self) -> int:
        """Requests in flight."""
        return sum(not client.is_idle for client in self._members)

    def add(self, client: Client) -> None:
        self._members.add(client)
        if len(self._members) > self._maximum:
            error = Overloaded("the sidecar has all the connections it may have: try again")
            client.say_last(self._refuse(error))
            if len(self._members) > self._maximum + _MAY_LINGER and client.transport is not None:
                client.transport.close()

    def discard(self, client: Client) -> None:
        self._members.discard(client)

    def end_slow(self) -> None:
        now = time.monotonic()
        for client in self.all():
            if client.transport is not None:
                self._check(client, client.transport, now)

    def _check(self, client: Client, transport: asyncio.Transport, now: float) -> None:
        pace = client.pace
        if pace.ending_is_over(now):
            transport.abort()
        elif pace.reader_is_late(now, self._limits):
            reset(transport)
        elif pace.head_is_late(now, self._limits) or (
            client.is_idle and pace.idle_is_over(now, self._limits)
        ):
            transport.close()
        elif pace.body_is_late(now, self._limits, we_paused=client.is_held):
            client.fail_body(ClientTooSlow("the request body came too slowly"))
        else:
            client.check(now)
