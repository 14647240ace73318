"""One raw request and what may become of it: the words in which the tables are written.

In a raw request `@@` stands for a token that is different in each run, so that what reaches the
engine can be traced to the case that sent it.
"""

from dataclasses import dataclass, replace

TOKEN = b"@@"
TARGET = b"/case/@@"
HOST = b"Host: t"
SMUGGLED = b"GET /smuggled/@@ HTTP/1.1\r\nHost: t\r\n\r\n"
CHUNKED_HELLO = b"5\r\nhello\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Forward:
    """How the request must look at the engine; by default exactly as it was sent.

    `dropped` names headers that must not arrive, `added` those that the sidecar may write itself,
    `loosely` leaves the headers alone and looks at method, target and body only.
    """

    targets: tuple[bytes, ...] = ()
    dropped: tuple[bytes, ...] = ()
    added: tuple[bytes, ...] = ()
    body: bytes = b""
    loosely: bool = False


@dataclass(frozen=True)
class Expect:
    """Every outcome that is right: any one of those given must happen.

    `statuses`: refused with one of these, and nothing complete at the engine. `closed`: the same
    without an answer. `waits`: the message is not complete, so there is silence.
    """

    statuses: frozenset[int] = frozenset()
    closed: bool = False
    waits: bool = False
    forward: Forward | None = None


def refused(*statuses: int) -> Expect:
    return Expect(frozenset(statuses or (400,)))


def refused_or_closed(*statuses: int) -> Expect:
    return Expect(frozenset(statuses or (400,)), closed=True)


def waits() -> Expect:
    return Expect(waits=True)


def passes(
    body: bytes = b"",
    *,
    dropped: tuple[bytes, ...] = (),
    added: tuple[bytes, ...] = (),
    targets: tuple[bytes, ...] = (),
    loosely: bool = False,
) -> Expect:
    return Expect(forward=Forward(targets, dropped, added, body, loosely))


def either(first: Expect, second: Expect) -> Expect:
    """Both are right, where the RFC or the library leaves the choice."""
    return replace(
        first,
        statuses=first.statuses | second.statuses,
        closed=first.closed or second.closed,
        waits=first.waits or second.waits,
        forward=first.forward or second.forward,
    )


@dataclass(frozen=True)
class Case:
    """`follow` is false where bytes sent behind the request would belong to it."""

    id: str
    raw: bytes
    expect: Expect
    follow: bool = True


def request(
    *lines: bytes,
    method: bytes = b"GET",
    target: bytes = TARGET,
    version: bytes = b"HTTP/1.1",
    host: bytes | None = HOST,
    body: bytes = b"",
) -> bytes:
    """A request whose parts are written as they are given."""
    start = b" ".join((method, target, version))
    head = (start, *((host,) if host is not None else ()), *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return request(*lines, method=b"POST", body=body)


def label(value: bytes) -> str:
    """A value as part of a case's id."""
    text = value.decode("ascii", "backslashreplace").encode("unicode_escape").decode()
    text = text.replace("\\\\", "\\")
    return text if len(text) <= 40 else f"{text[:20]}...{len(value)}"
