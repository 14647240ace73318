"""Transfer-Encoding alone: its values, and names that only look like it."""

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
)

_REFUSED = refused(400, 501)

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

CASES = [
    *(
        Case(
            f"coding-{label(coding)}",
            post(b"Transfer-Encoding: " + coding, body=CHUNKED_HELLO + SMUGGLED),
            _REFUSED,
        )
        for coding in _BAD_CODINGS
    ),
    *(
        Case(
            f"coding-name-{label(name)}",
            post(name + b": chunked", b"Content-Length: 5", body=b"hello"),
            refused(400),
        )
        for name in _BAD_CODING_NAMES
    ),
    *(
        Case(
            f"legal-coding-space-{label(coding)}",
            post(b"Transfer-Encoding:" + coding, body=CHUNKED_HELLO),
            passes(b"hello"),
        )
        for coding in _OWS_CODINGS
    ),
    # Names of codings have no case, yet an engine that compares bytes reads them otherwise.
    *(
        Case(
            f"coding-case-{label(coding)}",
            post(b"Transfer-Encoding: " + coding, body=CHUNKED_HELLO),
            either(_REFUSED, passes(b"hello", loosely=True)),
        )
        for coding in _CASED_CODINGS
    ),
    # Optional white space by the RFC; llhttp 9.4 takes a blank behind the value and no tab.
    Case(
        "coding-tab-behind",
        post(b"Transfer-Encoding: chunked\t", body=CHUNKED_HELLO),
        either(_REFUSED, passes(b"hello")),
    ),
    *(
        Case(
            f"legal-coding-name-{label(name)}",
            post(name + b": 3", b"Content-Length: 5", body=b"hello"),
            passes(b"hello"),
        )
        for name in (b"X-Transfer-Encoding", b"Transfer-Encoding1", b"Transfer")
    ),
    Case(
        "legal-chunked-on-get",
        request(b"Transfer-Encoding: chunked", body=CHUNKED_HELLO),
        passes(b"hello"),
    ),
]
