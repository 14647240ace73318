"""What a dialect makes of a request: an intent. And the answer that is ours to give."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from sidecar.errors import SidecarError
from sidecar.head import Head
from sidecar.sessions.session import Session


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of ours."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of ours that is made as it is sent. `pieces` is closed when the client leaves."""

    pieces: AsyncGenerator[bytes, None]
    content_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that the dialect itself answers.

    path and query are raw, as they were sent; header names are in lower case, and those that were
    sent twice are joined with a comma. `lines` are the same headers as they go on to an engine.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    lines: Sequence[bytes]
    body: bytes


class ReplyEncoder(Protocol):
    """Turns the engine's reply into another wire form, piece by piece."""

    def head(self, content_type: bytes | None) -> bytes:
        """The header lines that replace the engine's."""

    def body(self, data: bytes) -> bytes: ...

    def broken(self, error: SidecarError) -> bytes:
        """What says, inside the stream, that the engine broke off."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How one route talks to its client; the plain voice leaves the engine's reply alone."""

    refuse: Callable[[SidecarError], Answer]
    engine_error: Callable[[int, bytes], Answer] | None = None  # for statuses from 400 on
    encoder: Callable[[], ReplyEncoder] | None = None
    reply_headers: tuple[tuple[str, str], ...] = ()  # added to what is not an error


@dataclass(frozen=True, slots=True)
class Pass:
    """Forward as if there were no sidecar."""

    name: ClassVar = "pass"


@dataclass(frozen=True, slots=True)
class Use:
    """Forward with the session's id."""

    name: ClassVar = "use"
    session_id: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Make a session, forward with its id, announce it on the engine's reply."""

    name: ClassVar = "begin"


@dataclass(frozen=True, slots=True)
class Open:
    """Make a session; the engine is not asked."""

    name: ClassVar = "open"


@dataclass(frozen=True, slots=True)
class Close:
    name: ClassVar = "close"
    session_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """The platform asks whether the engine is ready."""

    name: ClassVar = "ping"


@dataclass(frozen=True, slots=True)
class Peek:
    """Only the body can tell: read it, up to `limit` bytes, and ask `decide_body`."""

    name: ClassVar = "peek"
    limit: int


@dataclass(frozen=True, slots=True)
class Serve:
    """The dialect has the answer; a body above `body_limit` bytes is refused."""

    name: ClassVar = "serve"
    call: Callable[[ApiRequest], Awaitable[Answer | Stream]]
    body_limit: int


@dataclass(frozen=True, slots=True)
class Within:
    """Forward to where a session of the dialect's own is placed, for as long as `hold` lets it."""

    name: ClassVar = "within"
    hold: Callable[[], AbstractAsyncContextManager[Session]]


Intent = Pass | Use | Begin | Open | Close | Ping | Peek | Serve | Within


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request came in and how it goes on to the engine."""

    dialect: "Dialect"
    door: Enum  # the dialect's own name for it
    voice: Voice
    target: str
    lines: list[bytes] | None = None  # the header lines that go on, where not the client's own
    owner: str | None = None  # who asks, as a hash; None: whoever knows a session's id may use it


class Dialect(ABC):
    """A wire contract. Its decisions are pure: they look at the request and nothing else.

    Each method says in its own words which intents need it; a dialect that never has them leaves
    it out.
    """

    voice: Voice  # for a request whose head could not be accepted, so that it has no route

    @abstractmethod
    def route(self, head: Head) -> Route | None:
        """None: the request is none of this dialect's. Raises nothing.

        A route serves for all heads that are alike (proxy/likeness.py): it depends on no length,
        no SageMaker session and no id of a request or trace, but in `lines`.
        """

    @abstractmethod
    def decide(self, head: Head, route: Route) -> Intent:
        """Raises SidecarError when the request is refused by its head alone."""

    def decide_body(self, head: Head, route: Route, body: bytes) -> Intent:
        """After Peek: the same, now that the whole body is known."""
        raise NotImplementedError

    def may_be_control(self, body: bytes) -> bool:
        """After Peek: False when a look at the whole body shows, without parsing, that it is no
        control."""
        raise NotImplementedError

    def cannot_be_control(self, prefix: bytes) -> bool:
        """After Peek: True when the beginning of a body shows that the rest is of no use."""
        raise NotImplementedError

    def opened(self, session: Session) -> Answer:
        """After Open."""
        raise NotImplementedError

    def closed(self, session_id: str, said: str | None) -> Answer:
        """After Close; `said`: the engine's own words about it."""
        raise NotImplementedError

    def announcement(self, session: Session) -> bytes:
        """After Begin: the header line that tells the client about its new session."""
        raise NotImplementedError

    def session_line(self, session: Session) -> bytes:
        """After Use and Begin: the header line that tells the engine the session, or b""."""
        raise NotImplementedError
