"""Content-Length alone: its values, and names that only look like it."""

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

_QUOTED = b"GET /quoted/ HTTP/1.1\r\nHost: t\r\nX-Y: z\r\n\r\n\r\n"

_BAD_NAMES = (
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

_BAD_VALUES = (
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

CASES = [
    *(
        Case(
            f"size-{label(size)}",
            post(b"Content-Length: " + size, body=b"hello" + SMUGGLED),
            refused(400, 413),
        )
        for size in _BAD_VALUES
    ),
    *(
        Case(
            f"get-size-{label(size)}",
            request(b"Content-Length: " + size, body=SMUGGLED),
            refused(400, 413),
        )
        for size in (b"", b"+0", b"-1", b"0x0", b"0,0", b"0 0", b"\xd9\xa0")
    ),
    *(
        Case(
            f"size-name-{label(name)}",
            post(b"Content-Length: 5", name + b": 49", body=b"hello" + SMUGGLED),
            refused(400),
        )
        for name in _BAD_NAMES
    ),
    *(
        Case(
            f"size-name-{label(name)}-chunked",
            post(b"Transfer-Encoding: chunked", name + b": 0", body=CHUNKED_HELLO),
            refused(400),
        )
        for name in (b"Content_Length", b"Content|Length", b"Content-Length ")
    ),
    *(
        Case(
            f"legal-size-{label(size)}",
            post(b"Content-Length:" + size, body=b"hello"),
            passes(b"hello"),
        )
        for size in (b" 5", b"5", b"  5", b" 5 ", b"\t5", b" 05", b" 0000000005")
    ),
    *(
        Case(
            f"legal-size-name-{label(name)}",
            post(name + b": 3", b"Content-Length: 5", body=b"hello"),
            passes(b"hello"),
        )
        for name in (b"X-Content-Length", b"Content-Lengt", b"Content-Length2")
    ),
    Case("legal-size-on-get", request(b"Content-Length: 5", body=b"hello"), passes(b"hello")),
    Case("legal-size-zero", post(b"Content-Length: 0"), passes()),
    Case("legal-post-without-size", post(), passes()),
    Case(
        "legal-body-that-looks-like-a-request",
        post(b"Content-Length: %d" % len(_QUOTED), body=_QUOTED),
        passes(_QUOTED),
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
