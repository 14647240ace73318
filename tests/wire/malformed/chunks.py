"""Chunked bodies: sizes, extensions, line ends, the last chunk and trailers.

When a bad chunk comes the head may be with the engine already; its body must then never end well.
"""

from tests.wire.malformed.case import (
    CHUNKED_HELLO,
    SMUGGLED,
    Case,
    Expect,
    either,
    label,
    passes,
    post,
    refused_or_closed,
    waits,
)

_CHUNKED = b"Transfer-Encoding: chunked"
_BROKEN = refused_or_closed(400)
_END = b"\r\n0\r\n\r\n"

_BAD_SIZES = (
    b"",
    b" 5",
    b"\t5",
    b"+5",
    b"-5",
    b"-1",
    b"0x5",
    b"0X5",
    b"5h",
    b"h",
    b"G",
    b"5,5",
    b"5 5",
    b"5.0",
    b".5",
    b"5\x0b",
    b"5\x00",
    b"\x005",
    b'"5"',
    b"\xef\xbc\x95",
    b"5\xa0",
    b"5:ext",
    b"5\r",
    b"\r5",
    b"1_0",
    b"10000000000000000",
    b"10000000000000005",
    b"100000000000000000000000000000005",
    b"F" * 17,
    b"-FFFFFFFFFFFFFFFB",
    b"five",
    b"5\x01",
)

_BAD_BODIES = {
    "size-ends-with-lf": b"5\nhello" + _END,
    "size-ends-with-cr": b"5\rhello" + _END,
    "size-ends-with-crcrlf": b"5\r\r\nhello" + _END,
    "size-ends-with-lf-and-data-too": b"5\nhello\n0\n\n",
    "extension-with-lf": b"5;a\nb\r\nhello" + _END,
    "extension-with-cr": b"5;a\rb\r\nhello" + _END,
    "extension-with-nul": b"5;a\x00b\r\nhello" + _END,
    "extension-quoted-lf": b'5;a="\n"\r\nhello' + _END,
    "extension-quoted-crlf": b'5;a="\r\n"\r\nhello' + _END,
    "extension-hides-a-request": b"5;\n" + SMUGGLED + b"\r\nhello" + _END,
    "data-too-long": b"5\r\nhelloX" + _END,
    "data-too-long-by-crlf": b"5\r\nhello\r\n" + _END,
    "data-too-short": b"5\r\nhell\r\n0\r\n\r\n",
    "no-crlf-after-data": b"5\r\nhello0\r\n\r\n",
    "lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "cr-after-data": b"5\r\nhello\r0\r\n\r\n",
    "crlf-before-the-first-size": b"\r\n5\r\nhello" + _END,
    "last-chunk-ends-with-lf": b"5\r\nhello\r\n0\n\n",
    "last-chunk-then-lf": b"5\r\nhello\r\n0\r\n\n",
    "last-chunk-with-sign": b"5\r\nhello\r\n-0\r\n\r\n",
    "last-chunk-hex": b"5\r\nhello\r\n0x0\r\n\r\n",
    "trailer-is-a-request": b"5\r\nhello\r\n0\r\n" + SMUGGLED,
    "trailer-without-a-name": b"5\r\nhello\r\n0\r\n: x\r\n\r\n",
    "trailer-without-a-colon": b"5\r\nhello\r\n0\r\nX-Trail\r\n\r\n",
    "trailer-space-before-colon": b"5\r\nhello\r\n0\r\nX-Trail : x\r\n\r\n",
    "trailer-with-nul": b"5\r\nhello\r\n0\r\nX-Trail: a\x00b\r\n\r\n",
    "trailer-name-with-nul": b"5\r\nhello\r\n0\r\nX\x00Trail: a\r\n\r\n",
    "no-chunks-at-all": b"hello\r\n\r\n",
    "garbage-after-one-chunk": b"5\r\nhello\r\n\xff\xfe\xfd\r\n",
}

# The grammar allows these; a server may still refuse what nobody sends.
_CURIOUS_BODIES = {
    "leading-zeros": b"0005\r\nhello\r\n0\r\n\r\n",
    "17-digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "space-behind-the-size": b"5 \r\nhello\r\n0\r\n\r\n",
    "tab-behind-the-size": b"5\t\r\nhello\r\n0\r\n\r\n",
    "space-before-an-extension": b"5 ;a=b\r\nhello\r\n0\r\n\r\n",
    "extension-empty": b"5;\r\nhello\r\n0\r\n\r\n",
    "extension-of-64-kib": b"5;" + b"a" * 65536 + b"\r\nhello\r\n0\r\n\r\n",
    "extension-latin-1": b"5;caf\xe9\r\nhello\r\n0\r\n\r\n",
    "trailer-framing": b"5\r\nhello\r\n0\r\nContent-Length: 44\r\n\r\n",
    "trailer-coding": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "trailer-host": b"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n",
    "trailers-of-100-kib": b"5\r\nhello\r\n0\r\n" + b"X-T: %b\r\n" % (b"t" * 1000) * 100 + b"\r\n",
    "trailer-folded": b"5\r\nhello\r\n0\r\nX-Trail: a\r\n b\r\n\r\n",
}

_LEGAL_BODIES = {
    "lower-hex": (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "upper-hex": (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "empty": (b"0\r\n\r\n", b""),
    "zeros-at-the-end": (b"5\r\nhello\r\n000\r\n\r\n", b"hello"),
    "extension": (b"5;a=b\r\nhello\r\n0\r\n\r\n", b"hello"),
    "extension-quoted": (b'5;a="b;c"\r\nhello\r\n0;z\r\n\r\n', b"hello"),
    "two-chunks": (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    "crlf-as-data": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    "last-chunk-as-data": (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    "trailer": (b"5\r\nhello\r\n0\r\nX-Trail: x\r\n\r\n", b"hello"),
    "trailer-session-id": (
        b"5\r\nhello\r\n0\r\nX-Amzn-SageMaker-Session-Id: forged\r\n\r\n",
        b"hello",
    ),
    # CVE-2025-69229: a body of very small chunks once cost quadratic time.
    "a-thousand-of-one-byte": (b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n", b"x" * 1000),
}


def _case(name: str, body: bytes, expect: Expect, *, follow: bool = True) -> Case:
    return Case(f"chunks-{name}", post(_CHUNKED, body=body), expect, follow=follow)


CASES = [
    *(_case(f"size-{label(size)}", size + b"\r\nhello" + _END, _BROKEN) for size in _BAD_SIZES),
    *(_case(name, body, _BROKEN) for name, body in _BAD_BODIES.items()),
    *(
        _case(name, body, either(passes(b"hello"), refused_or_closed(400, 413, 431)))
        for name, body in _CURIOUS_BODIES.items()
    ),
    *(_case(f"legal-{name}", sent, passes(body)) for name, (sent, body) in _LEGAL_BODIES.items()),
    *(
        _case(
            f"size-{label(size)}-waits",
            size + b"\r\nhello",
            either(waits(), refused_or_closed(400, 413)),
            follow=False,
        )
        for size in (b"6", b"100000000", b"7FFFFFFFFFFFFFFF", b"8000000000000000", b"F" * 16)
    ),
    _case("without-the-last-one", b"5\r\nhello\r\n", waits(), follow=False),
    _case("last-one-unfinished", b"5\r\nhello\r\n0\r\n", waits(), follow=False),
    Case(
        "chunks-for-http-1.0",
        b"POST /case/@@ HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        + CHUNKED_HELLO
        + SMUGGLED,
        refused_or_closed(400, 501),
    ),
    Case(
        "chunks-for-http-1.0-with-size",
        b"POST /case/@@ HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED_HELLO + SMUGGLED,
        refused_or_closed(400, 501),
    ),
]
