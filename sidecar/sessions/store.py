"""The store contract: where sessions live. One contract test-suite runs against every store."""

from typing import Protocol

from sidecar.sessions.session import Session


class Store(Protocol):
    async def open(self, ttl: float) -> Session:
        """Make a session that lives `ttl` seconds, cut to the whole second that is announced.

        Once this returns, the session survives a crash of the process.
        Raises StoreFull (nothing half-made stays) or StoreFailed.
        """

    async def get(self, session_id: str) -> Session:
        """The live session of that id; the id may be any text a client sent.

        Raises SessionNotFound or StoreUnavailable.
        """

    async def close(self, session_id: str) -> None:
        """End a live session. Of several closers exactly one succeeds.

        Raises SessionNotFound or StoreFailed (the session is then still live).
        """

    def count(self) -> int:
        """Live sessions, as far as this process knows; for metrics."""

    async def start(self) -> None:
        """Begin the background work: adopt what a former process left, sweep what expires."""

    async def stop(self) -> None:
        """End the background work. Sessions stay."""
