"""A request head: what it says, what is refused, and what of it goes on to the engine.

Both lanes examine every head here, after aiohttp's C parser (llhttp) has accepted its syntax.
The rules below are what that parser lets through and a proxy must not (aiohttp 3.14.5).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from sidecar.errors import (
    BadRequest,
    ExpectationFailed,
    MethodNotAllowed,
    UpgradeRequired,
    VersionNotSupported,
)
from sidecar.headers import Field, Vocabulary, tokens

# RFC 3986 section 3.2.2: reg-name or IP literal, then a port. No userinfo, no path.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
# W3C Trace Context, section 3.2: version, trace id, parent id, flags.
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-")
_NOTED_LIMIT = 128
_UPGRADE_IGNORED = frozenset((b"close", b"keep-alive", b"upgrade"))
# RFC 9110 section 7.6.1 lets Connection name any field; these would change what the request is.
_NEVER_NOMINATED = frozenset(
    (Field.HOST, Field.CONTENT_LENGTH, Field.TRANSFER_ENCODING, Field.SESSION)
)


@dataclass(slots=True)
class Head:
    """One request head. `lines` are the headers that go on, ready to be written."""

    method: str
    target: str
    http11: bool
    session_id: str | None = None
    content_length: int | None = None
    chunked: bool = False
    expects_continue: bool = False
    upgrades: bool = False  # to whatever
    websocket: bool = False
    content_type: bytes | None = None
    content_encoding: bytes | None = None
    has_host: bool = False
    request_id: str | None = None
    trace_id: str | None = None
    owner: str | None = None  # hash of what the caller showed; None where owners do not count
    lines: list[bytes] = field(default_factory=list)
    path: str = ""  # the target without its query

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.content_length)

    def copy(self) -> "Head":
        """With lines of its own. Written out: copy.copy takes five times as long."""
        return Head(
            self.method,
            self.target,
            self.http11,
            self.session_id,
            self.content_length,
            self.chunked,
            self.expects_continue,
            self.upgrades,
            self.websocket,
            self.content_type,
            self.content_encoding,
            self.has_host,
            self.request_id,
            self.trace_id,
            self.owner,
            self.lines[:],
            self.path,
        )


def examine(
    method: str,
    target: str,
    version: tuple[int, int],
    headers: tuple[tuple[bytes, bytes], ...],
    vocabulary: Vocabulary,
) -> Head:
    """The head as the rest of the sidecar sees it. Raises a SidecarError when it is refused.

    target is decoded with surrogateescape, as aiohttp does; headers are raw bytes.
    """
    if version not in ((1, 0), (1, 1)):
        raise VersionNotSupported("use HTTP/1.1 or HTTP/1.0")
    if method in ("TRACE", "CONNECT"):
        raise MethodNotAllowed(f"{method} is not forwarded")
    if not target.startswith("/"):
        raise BadRequest("the request target must be a path that starts with '/'")
    head = Head(method, target, version == (1, 1), path=target.partition("?")[0])
    scan = Scan(head, vocabulary)
    for name, value in headers:
        scan.take(name, value)
    return scan.finish()


def owner_of(shown: bytes) -> str:
    """Whose a session is: a hash of what the caller showed, which is itself kept nowhere."""
    return sha256(shown).hexdigest()


class Scan:
    """One pass over the headers of one head."""

    __slots__ = ("connection", "head", "seen", "upgrade", "vocabulary")

    def __init__(self, head: Head, vocabulary: Vocabulary) -> None:
        self.head = head
        self.vocabulary = vocabulary
        self.seen: set[str] = set()
        self.connection: set[bytes] = set()
        self.upgrade: set[bytes] = set()

    def take(self, name: bytes, value: bytes) -> None:
        known = self.vocabulary.of_request(name)
        if known is None:
            goes_on = True
        elif known.is_exact:
            goes_on = NOTES[known.field](self, value)
        elif known.field <= Field.OURS:
            raise BadRequest(f"header {name!r} looks like {known.proper!r}: rename it")
        else:
            goes_on = True
        if goes_on:
            self.head.lines.append(b"%b: %b\r\n" % (name, value))

    # One for each known header: note what it says; True if it goes on to the engine.

    def content_length(self, value: bytes) -> bool:
        self._once("Content-Length")
        if not value.isdigit() or len(value) > 18:
            raise BadRequest("Content-Length must be one decimal number")
        self.head.content_length = int(value)
        return True

    def transfer_encoding(self, value: bytes) -> bool:
        self._once("Transfer-Encoding")
        if value.lower() != b"chunked" or not self.head.http11:
            raise BadRequest("Transfer-Encoding must be exactly 'chunked', in HTTP/1.1")
        self.head.chunked = True
        # Some engines compare the coding by case, though RFC 9112 section 7 does not.
        self.head.lines.append(b"Transfer-Encoding: chunked\r\n")
        return False

    def host(self, value: bytes) -> bool:
        self._once("Host")
        if _HOST.fullmatch(value) is None:
            raise BadRequest("Host must be a host name or address, with or without a port")
        return True

    def session(self, value: bytes) -> bool:
        self._once("the session header")
        self.head.session_id = value.decode("utf-8", "replace")
        return False

    def connection_(self, value: bytes) -> bool:
        self.connection |= tokens(value)
        return False

    def upgrade_(self, value: bytes) -> bool:
        self.upgrade |= tokens(value)
        return False

    def expect(self, value: bytes) -> bool:
        if value.lower() != b"100-continue":
            raise ExpectationFailed("only 'Expect: 100-continue' is understood")
        self.head.expects_continue = self.head.http11
        return False

    def content_type(self, value: bytes) -> bool:
        self.head.content_type = value
        return True

    def content_encoding(self, value: bytes) -> bool:
        self.head.content_encoding = value
        return True

    def request_id(self, value: bytes) -> bool:
        self.head.request_id = value[:_NOTED_LIMIT].decode("utf-8", "replace")
        return True

    def traceparent(self, value: bytes) -> bool:
        trace = _TRACE.match(value)
        self.head.trace_id = trace[1].decode() if trace else None
        return True

    def owner(self, value: bytes) -> bool:
        self._once("the header that tells whose a session is")
        self.head.owner = owner_of(value)
        return True

    def drop(self, value: bytes) -> bool:
        return False

    def _once(self, name: str) -> None:
        if name in self.seen:
            raise BadRequest(f"{name} must be sent once")
        self.seen.add(name)

    def finish(self) -> Head:
        head = self.head
        head.has_host = "Host" in self.seen
        if self.vocabulary.has_owner and head.owner is None:
            head.owner = owner_of(b"")  # nobody in particular, but not anybody
        if head.http11 and not head.has_host:
            raise BadRequest("HTTP/1.1 needs a Host header")
        if head.chunked and head.content_length is not None:
            raise BadRequest("send Content-Length or Transfer-Encoding, not both")
        head.upgrades = b"upgrade" in self.connection
        if head.upgrades and b"websocket" in self.upgrade:
            self._check_websocket()
        nominated = self.connection - _UPGRADE_IGNORED
        if nominated:
            head.lines = [line for line in head.lines if not self._is_nominated(line, nominated)]
        return head

    def _is_nominated(self, line: bytes, nominated: set[bytes]) -> bool:
        name = line.partition(b":")[0]
        known = self.vocabulary.of_request(name)
        if known is not None and known.field in _NEVER_NOMINATED:
            return False
        return name.lower() in nominated

    def _check_websocket(self) -> None:
        """RFC 6455 section 4.2.1; a body with an upgrade is read in two ways, so none is taken."""
        head = self.head
        if head.method != "GET" or head.has_body or not head.http11:
            raise BadRequest("a WebSocket starts with an HTTP/1.1 GET without a body")
        wanted = {b"sec-websocket-version": b"13", b"sec-websocket-key": None}
        for line in head.lines:
            name, _, value = line.partition(b": ")
            if wanted.get(name.lower(), b"") in (None, value.strip()):
                del wanted[name.lower()]
        if b"sec-websocket-version" in wanted:
            raise UpgradeRequired("use Sec-WebSocket-Version: 13")
        if wanted:
            raise BadRequest("a WebSocket needs a Sec-WebSocket-Key header")
        head.websocket = True


# A look-up: a match statement compares with one case after the other, for every header.
NOTES: dict[Field, Callable[[Scan, bytes], bool]] = {
    Field.CONTENT_LENGTH: Scan.content_length,
    Field.TRANSFER_ENCODING: Scan.transfer_encoding,
    Field.HOST: Scan.host,
    Field.SESSION: Scan.session,
    Field.OURS: Scan.drop,
    Field.CONNECTION: Scan.connection_,
    Field.HOP: Scan.drop,
    Field.UPGRADE: Scan.upgrade_,
    Field.EXPECT: Scan.expect,
    Field.CONTENT_TYPE: Scan.content_type,
    Field.CONTENT_ENCODING: Scan.content_encoding,
    Field.REQUEST_ID: Scan.request_id,
    Field.TRACEPARENT: Scan.traceparent,
    Field.OWNER: Scan.owner,
}
