"""Header names and the rules by which headers are copied, refused or dropped. For both lanes.

A name is looked up in its *plain* form: letters and digits only, lower case. Engines behind CGI,
WSGI or a lenient parser read `Content_Length` or `Content|Length` as `Content-Length`, so a name
that only looks like one that matters is refused (CVE-2025-64484 is that bug in another proxy).
"""

import re
from collections.abc import Callable, Iterable
from enum import IntEnum, auto
from functools import lru_cache
from typing import Final, NamedTuple

SESSION_ID: Final = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_ID: Final = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_ID: Final = "X-Amzn-SageMaker-Closed-Session-Id"

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

RawHeaders = Iterable[tuple[bytes, bytes]]


class Field(IntEnum):
    """What a header means to the proxy. Up to OURS, a look-alike name is refused."""

    CONTENT_LENGTH = auto()
    TRANSFER_ENCODING = auto()
    HOST = auto()
    SESSION = auto()
    OURS = auto()  # only the sidecar may send it; dropped in both directions
    CONNECTION = auto()
    HOP = auto()  # hop-by-hop, RFC 9110 section 7.6.1
    UPGRADE = auto()
    EXPECT = auto()
    CONTENT_TYPE = auto()
    CONTENT_ENCODING = auto()
    REQUEST_ID = auto()  # noted for the log, like the next
    TRACEPARENT = auto()
    OWNER = auto()  # tells who asks; noted beside whatever else it means


_STANDARD = {
    "Content-Length": Field.CONTENT_LENGTH,
    "Transfer-Encoding": Field.TRANSFER_ENCODING,
    "Host": Field.HOST,
    "Connection": Field.CONNECTION,
    "Keep-Alive": Field.HOP,
    "Proxy-Connection": Field.HOP,
    "TE": Field.HOP,
    "Trailer": Field.HOP,
    "HTTP2-Settings": Field.HOP,
    "Upgrade": Field.UPGRADE,
    "Expect": Field.EXPECT,
    "Content-Type": Field.CONTENT_TYPE,
    "Content-Encoding": Field.CONTENT_ENCODING,
}

_NOTED = {"X-Request-Id": Field.REQUEST_ID, "traceparent": Field.TRACEPARENT}

# Names come again, as they are spelt. Of at most 8190 bytes: 2 MiB at worst.
_KEPT_NAMES = 256
_LOWER = bytes(range(256)).lower()
_NOT_PLAIN = bytes(c for c in range(256) if not bytes([c]).isalnum())


def plain(name: bytes) -> bytes:
    """`b"Content-Length"` and `b"content_length"` are both `b"contentlength"`."""
    return name.translate(_LOWER, _NOT_PLAIN)


class Meaning(NamedTuple):
    """is_exact: or else the name only looks like the `proper` one, which is in lower case."""

    proper: str
    field: Field
    is_exact: bool


class Vocabulary:
    """The names that matter in one configuration; built once at start."""

    def __init__(self, engine_header: str | None, owner_header: str | None = None) -> None:
        self.has_owner = owner_header is not None
        names = _STANDARD | _NOTED
        if owner_header is not None:
            names[owner_header] = Field.OWNER
        if engine_header is not None:
            names[engine_header] = Field.OURS
        names[NEW_SESSION_ID] = names[CLOSED_SESSION_ID] = Field.OURS
        self.of_request = _meanings(names | {SESSION_ID: Field.SESSION})
        self.of_reply = _meanings(_STANDARD | dict.fromkeys(_ANNOUNCEMENTS, Field.OURS))


_ANNOUNCEMENTS = (NEW_SESSION_ID, CLOSED_SESSION_ID)


def _meanings(names: dict[str, Field]) -> Callable[[bytes], Meaning | None]:
    by_plain_name = {plain(name.encode()): (name.lower(), field) for name, field in names.items()}

    def meaning(name: bytes) -> Meaning | None:
        known = by_plain_name.get(plain(name))
        if known is None:
            return None
        proper, field = known
        return Meaning(proper, field, name.lower() == proper.encode())

    return lru_cache(_KEPT_NAMES)(meaning)


_JSON = re.compile(
    rb"(?:application/(?:json|[\w.+-]+\+json)|text/json)[ \t]*(?:;.*)?", re.IGNORECASE
)


def is_json(content_type: bytes | None) -> bool:
    """One JSON value (RFC 6839 section 3.1); not lines of JSON, nor a sequence."""
    return content_type is not None and _JSON.fullmatch(content_type) is not None


def is_coded(content_encoding: bytes | None) -> bool:
    """Compressed, say: its bytes are not what they stand for."""
    return content_encoding is not None and content_encoding.lower() != b"identity"


def tokens(value: bytes) -> set[bytes]:
    """The members of a comma separated list such as Connection, in lower case."""
    return {member.strip().lower() for member in value.split(b",") if member.strip()}
