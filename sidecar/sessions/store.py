"""The store contract: where sessions live. One contract test-suite runs against every store."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, Self, runtime_checkable

from sidecar.sessions.counts import Counts
from sidecar.sessions.session import Session

# A state is read with each use of its session, so it is to stay small.
STATE_LIMIT: Final = 16 * 1024
# An eighth of the 64 MiB that a container's /dev/shm has by default (Docker, Kubernetes).
EVENTS_LIMIT: Final = 8 * 1024 * 1024
VALUE_LIMIT: Final = 1024 * 1024
KEYS_LIMIT: Final = 256


class Contents(Protocol):
    """What is kept in a session beside its times. It goes when the session ends.

    All raise SessionNotFound for what is not live, StoreUnavailable where a read fails, and where
    a change does StoreFull or StoreFailed, with nothing changed. A change that has returned
    survives a crash of the process. Of two processes that change the same thing the last one wins.
    """

    async def state(self, session_id: str) -> dict[str, Any]: ...

    async def save(self, session_id: str, state: Mapping[str, Any]) -> None:
        """Replace the state as a whole. BodyTooLarge above STATE_LIMIT bytes of JSON."""

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Add to the session's log: all of them or none. BodyTooLarge above EVENTS_LIMIT bytes."""

    async def events(self, session_id: str) -> list[dict[str, Any]]:
        """The log, oldest first."""

    async def drop_events(self, session_id: str, count: int) -> None:
        """Forget the oldest ones; also to make room below EVENTS_LIMIT."""

    async def put_data(self, session_id: str, key: str, value: bytes) -> None:
        """Keep a value, JSON by convention, where the engine looks for it.

        BadRequest for a key that is none, BodyTooLarge above VALUE_LIMIT, StoreFull for a new key
        above KEYS_LIMIT.
        """

    async def get_data(self, session_id: str, key: str) -> bytes | None:
        """None if there is no such key."""

    async def delete_data(self, session_id: str, key: str) -> bool:
        """False if there is no such key."""

    async def data_keys(self, session_id: str) -> list[str]:
        """In order; also those that the engine made, if they are well-formed."""


class Lease(Protocol):
    """A session's turn, held until it is given back or the process that holds it has died."""

    async def release(self) -> None:
        """Harmless where the session has ended meanwhile, and a second time."""


@runtime_checkable
class Immediate(Protocol):
    """What a store has beside, where no call suspends."""

    def look(self, session_id: str, owner: str | None = None) -> Session:
        """What `get` gives. Without a coroutine a use takes 0.8 us less, of 24 for a request."""


class Store(Contents, Protocol):
    immediate: bool
    """`open`, `get` and `close` never suspend: one step of the coroutine has the result."""

    on_ended: Callable[[Session, str], None] | None
    """Told of each session that ended because its time was over, with its state; not of those that
    were closed. All processes that share a place have one, or none has.

    Called on the loop of one process, soon after the end, with "expired". What it raises is logged.
    If a process is killed before it has told, another one does later ("adopted"), and if it is
    killed while it tells, the same session is told of twice. Not told of: what a start of the
    machine ended, and what somebody else deleted or damaged.
    """

    async def open(
        self,
        ttl: float,
        *,
        idle: float | None = None,
        owner: str | None = None,
        state: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Make a session that lives `ttl` seconds, cut to the whole second that is announced.

        With `idle` it ends earlier, that many seconds after it was last touched.
        With a `session_id` it has that one, which is free again as soon as its session has ended;
        without one it has a new one that nobody can guess.
        Once this returns, the session survives a crash of the process.
        Raises StoreFull (nothing half-made stays), StoreFailed, BodyTooLarge (the state),
        SessionExists if a live one has the id, and BadRequest for what is no id (check_given).
        """

    async def get(
        self, session_id: str, owner: str | None = None, *, touch: bool = False
    ) -> Session:
        """The live session of that id; the id may be any text a client sent.

        With an `owner`, only a session that was opened with the same one is found. None does not
        ask: where owners count, a caller without a name needs a hash too, that of nothing.
        `touch` begins the idle time anew, if the session was opened with one.
        Raises SessionNotFound or StoreUnavailable.
        """

    async def close(self, session_id: str, owner: str | None = None) -> None:
        """End a live session. Of several closers exactly one succeeds.

        Raises SessionNotFound or StoreFailed (the session is then still live).
        """

    async def try_lease(self, session_id: str) -> Lease | None:
        """None while somebody else holds it, in whatever process. Raises SessionNotFound,
        StoreUnavailable, or StoreFull where no room is left to note it."""

    async def list_sessions(self, limit: int, after: str = "") -> list[Session]:
        """Live sessions in the order of their ids, which follow `after`; fewer than `limit` only
        at the end. Raises StoreUnavailable."""

    def apart(self, name: str, *, ttl_limit: float) -> Self:
        """Another store in the same place: no id of one means anything in the other."""

    async def tally(self, key: str) -> dict[str, int]:
        """How many live sessions of all processes have which text at `key` of their state.

        Each session is read for it: not for every request. Raises StoreUnavailable.
        """

    def count(self) -> int:
        """Live sessions, as far as this process knows; for metrics."""

    def counts(self) -> Counts:
        """What this process has seen."""

    async def start(self) -> None:
        """Begin the background work: adopt what a former process left, sweep what expires."""

    async def stop(self) -> None:
        """End the background work. Sessions stay."""
