"""Where does the body end? Content-Length and Transfer-Encoding, alone, twice and together."""

from itertools import product

from tests.wire.malformed.case import (
    CHUNKED_HELLO,
    SMUGGLED,
    Case,
    either,
    label,
    passes,
    post,
    refused,
    request,
    waits,
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

# Only a single exact `chunked`: RFC 9112 allows lists, and lists are where readers differ.
_BAD_CODINGS = (
    b"",
    b"chunked, chunked",
    b"chunked,chunked",
    b"identity",
    b"identity, chunked",
    b"chunked, identity",
    b"gzip",
    b"gzip, chunked",
    b"deflate, chunked",
    b"br, gzip, chunked",
    b",chunked",
    b"chunked,",
    b", chunked",
    b'"chunked"',
    b"'chunked'",
    b"chunked;q=1",
    b"chunked; a=b",
    b"chunked foo",
    b"foo chunked",
    b"\x0bchunked",
    b"chunked\x0b",
    b"\x0cchunked",
    b"chunked\x00",
    b"chunked\x01",
    b"chunked\x7f",
    b"\xa0chunked",
    b"chunked\xa0",
    b"chunked\x85",
    b"chunk\xc3\xa9d",
    b"xchunked",
    b"x-chunked",
    b"chunkedx",
    b"chunke",
    b"chunked=1",
    b"chunked:chunked",
    b"\r\n chunked",
    b"\r\n\tchunked",
    b"chunk\r\n ed",
    b"trailers",
    b"cow",
)

_OWS_CODINGS = (b"chunked", b"  chunked", b"\tchunked", b"chunked ")
_CASED_CODINGS = (b"Chunked", b"CHUNKED", b"cHuNkEd")

_BAD_CODING_NAMES = (
    b"Transfer_Encoding",
    b"TRANSFER_ENCODING",
    b"Transfer|Encoding",
    b"Transfer.Encoding",
    b"Transfer--Encoding",
    b"TransferEncoding",
    b"Transfer-Encoding-",
    b"_Transfer-Encoding",
    b"Transfer Encoding",
    b"Transfer-Encoding ",
    b"Transfer-Encoding\t",
    b" Transfer-Encoding",
    b"Transfer-\tEncoding",
    b"Transfer-Encoding\x0b",
    b"Transfer-Encoding\x00",
    b"\xefTransfer-Encoding",
)

_BAD_SIZE_NAMES = (
    b"Content_Length",
    b"CONTENT_LENGTH",
    b"Content|Length",
    b"Content.Length",
    b"content~length",
    b"Content--Length",
    b"ContentLength",
    b"Content-Length'",
    b"Content Length",
    b"Content-Length ",
    b"Content-Length\t",
    b" Content-Length",
    b"Content-\tLength",
    b"Content-Length\x0b",
    b"Content-Length\x00",
    b"Content-Length\x7f",
)

_BAD_SIZES = (
    b"",
    b"+5",
    b"-5",
    b"-0",
    b"0x5",
    b"5e0",
    b"5.0",
    b"5 5",
    b"5;",
    b"5,",
    b",5",
    b"5\x0b",
    b"5\x00",
    b"\x0b5",
    b"5\xa0",
    b"1_0",
    b'"5"',
    b"five",
    b"NaN",
    b"5\r\n 5",
    b"\xd9\xa5",
    b"\xef\xbc\x95",
    b"18446744073709551616",
    b"18446744073709551621",
    b"-18446744073709551611",
    b"9" * 20,
    b"9" * 100,
)


def _bad_values() -> list[Case]:
    cases = [
        Case(
            f"coding-{label(coding)}",
            post(b"Transfer-Encoding: " + coding, body=CHUNKED_HELLO + SMUGGLED),
            _REFUSED,
        )
        for coding in _BAD_CODINGS
    ]
    cases += [
        Case(
            f"size-{label(size)}",
            post(b"Content-Length: " + size, body=b"hello" + SMUGGLED),
            refused(400, 413),
        )
        for size in _BAD_SIZES
    ]
    cases += [
        Case(
            f"get-size-{label(size)}",
            request(b"Content-Length: " + size, body=SMUGGLED),
            refused(400, 413),
        )
        for size in (b"", b"+0", b"-1", b"0x0", b"0,0", b"0 0", b"\xd9\xa0")
    ]
    return cases


def _bad_names() -> list[Case]:
    cases = [
        Case(
            f"coding-name-{label(name)}",
            post(name + b": chunked", b"Content-Length: 5", body=b"hello"),
            refused(400),
        )
        for name in _BAD_CODING_NAMES
    ]
    cases += [
        Case(
            f"size-name-{label(name)}",
            post(b"Content-Length: 5", name + b": 49", body=b"hello" + SMUGGLED),
            refused(400),
        )
        for name in _BAD_SIZE_NAMES
    ]
    cases += [
        Case(
            f"size-name-{label(name)}-chunked",
            post(_CHUNKED, name + b": 0", body=CHUNKED_HELLO),
            refused(400),
        )
        for name in (b"Content_Length", b"Content|Length", b"Content-Length ")
    ]
    return cases


def _legal() -> list[Case]:
    cases = [
        Case(
            f"legal-coding-space-{label(coding)}",
            post(b"Transfer-Encoding:" + coding, body=CHUNKED_HELLO),
            passes(b"hello"),
        )
        for coding in _OWS_CODINGS
    ]
    cases += [
        # Names of codings have no case, yet an engine that compares bytes reads them otherwise.
        Case(
            f"coding-case-{label(coding)}",
            post(b"Transfer-Encoding: " + coding, body=CHUNKED_HELLO),
            either(_REFUSED, passes(b"hello", loosely=True)),
        )
        for coding in _CASED_CODINGS
    ]
    cases += [
        Case(
            f"legal-size-{label(size)}",
            post(b"Content-Length:" + size, body=b"hello"),
            passes(b"hello"),
        )
        for size in (b" 5", b"5", b"  5", b" 5 ", b"\t5", b" 05", b" 0000000005")
    ]
    cases += [
        Case(
            f"legal-name-{label(name)}",
            post(name + b": 3", b"Content-Length: 5", body=b"hello"),
            passes(b"hello"),
        )
        for name in (
            b"X-Content-Length",
            b"Content-Lengt",
            b"Content-Length2",
            b"X-Transfer-Encoding",
            b"Transfer-Encoding1",
            b"Transfer",
        )
    ]
    return cases


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
    *_bad_values(),
    *_bad_names(),
    *_legal(),
    # Optional white space by the RFC; llhttp 9.4 takes a blank behind the value and no tab.
    Case(
        "coding-tab-behind",
        post(b"Transfer-Encoding: chunked\t", body=CHUNKED_HELLO),
        either(_REFUSED, passes(b"hello")),
    ),
    Case("legal-size-on-get", request(b"Content-Length: 5", body=b"hello"), passes(b"hello")),
    Case("legal-chunked-on-get", request(_CHUNKED, body=CHUNKED_HELLO), passes(b"hello")),
    Case("legal-size-zero", post(b"Content-Length: 0"), passes()),
    Case("legal-post-without-size", post(), passes()),
    Case(
        "legal-body-that-looks-like-a-request",
        post(b"Content-Length: 44", body=b"GET /quoted/ HTTP/1.1\r\nHost: t\r\nX-Y: z\r\n\r\n\r\n"),
        passes(b"GET /quoted/ HTTP/1.1\r\nHost: t\r\nX-Y: z\r\n\r\n\r\n"),
    ),
    Case(
        "size-larger-than-sent",
        post(b"Content-Length: 50", body=b"hello"),
        waits(),
        follow=False,
    ),
    Case(
        "size-4-gigabytes",
        post(b"Content-Length: 4294967296", body=b"hello"),
        either(waits(), refused(413)),
        follow=False,
    ),
]
