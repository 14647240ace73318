"""Content-Length and Transfer-Encoding together, or one of them twice: no reading is right."""

from itertools import product

from tests.wire.malformed.case import (
    CHUNKED_HELLO,
    SMUGGLED,
    Case,
    label,
    post,
    refused,
)

_CHUNKED = b"Transfer-Encoding: chunked"
_REFUSED = refused(400, 501)


def _both() -> list[Case]:
    """RFC 9112 section 6.1: the classic of request smuggling."""
    sizes = (b"0", b"5", b"44")
    codings = (b"chunked", b"Chunked", b"identity", b"xchunked", b"chunked, identity", b"")
    return [
        Case(
            f"both-{label(size)}-{label(coding)}-{'size' if size_first else 'coding'}-first",
            post(*_ordered(size, coding, size_first), body=b"0\r\n\r\n" + SMUGGLED),
            _REFUSED,
        )
        for size, coding, size_first in product(sizes, codings, (True, False))
    ]


def _ordered(size: bytes, coding: bytes, size_first: bool) -> list[bytes]:
    lines = [b"Content-Length: " + size, b"Transfer-Encoding: " + coding]
    return lines if size_first else lines[::-1]


_TWICE = (
    (b"Content-Length: 5", b"Content-Length: 5"),
    (b"Content-Length: 5", b"Content-Length: 0"),
    (b"Content-Length: 0", b"Content-Length: 5"),
    (b"Content-Length: 5", b"content-length: 6"),
    (b"Content-Length: 5, 5",),
    (b"Content-Length: 5,6",),
    (_CHUNKED, _CHUNKED),
    (_CHUNKED, b"Transfer-Encoding: identity"),
    (b"Transfer-Encoding: identity", _CHUNKED),
    (b"Transfer-Encoding: gzip", _CHUNKED),
    (_CHUNKED, b"Transfer-Encoding:"),
    (b"Transfer-Encoding:", _CHUNKED),
    (_CHUNKED, b"X-Between: 1", b"transfer-encoding: x"),
)

CASES = [
    *_both(),
    *(
        Case(
            f"twice-{label(b' + '.join(lines))}",
            post(*lines, body=CHUNKED_HELLO + SMUGGLED),
            _REFUSED,
        )
        for lines in _TWICE
    ),
]
