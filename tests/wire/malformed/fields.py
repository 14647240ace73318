"""Header lines: names, values, folding, line ends, numbers and sizes (RFC 9112 section 5)."""

from tests.wire.malformed.case import (
    SMUGGLED,
    Case,
    either,
    label,
    passes,
    post,
    refused,
    refused_or_closed,
    request,
)

_BAD_NAME_CHARACTERS = b'\x00\x01\x08\x0b\x0c\x1b\x1f \t"(),/;<=>?@[\\]{}\x7f\x80\xa0\xff'
_BAD_VALUE_CHARACTERS = (0, 1, 7, 8, 11, 12, 14, 27, 31, 127)

_BAD_LINES = {
    "space-before-colon": b"X-A : v",
    "tab-before-colon": b"X-A\t: v",
    "no-name": b": v",
    "only-a-colon": b":",
    "no-colon": b"X-A",
    "no-colon-with-value": b"X-A v",
    "folded": b"X-A: v\r\n folded",
    "folded-with-tab": b"X-A: v\r\n\tfolded",
    "folded-empty": b"X-A: v\r\n ",
    "folded-header": b"X-A: v\r\n Content-Length: 44",
    "ends-with-lf": b"X-A: v\nX-B: w",
    "ends-with-cr": b"X-A: v\rX-B: w",
    "ends-with-crcrlf": b"X-A: v\r\r\nX-B: w",
    "lf-hides-a-header": b"X-A: v\nTransfer-Encoding: chunked",
    "cr-hides-a-header": b"X-A: v\rTransfer-Encoding: chunked",
    "lf-hides-a-request": b"X-A: v\n\n" + SMUGGLED[:-4],
    "utf-8-name": "X-\N{LATIN SMALL LETTER E WITH ACUTE}: v".encode(),
}

_LEGAL_LINES = {
    "no-space": b"X-A:v",
    "many-spaces": b"X-A:   v   ",
    "tab": b"X-A:\tv",
    "tab-within": b"X-A: a\tb",
    "colon-within": b"X-A: :a:b:",
    "empty": b"X-A:",
    "blank": b"X-A:   ",
    "latin-1": b"X-A: caf\xe9",
    "utf-8": "X-A: caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{GHOST}".encode(),
    "all-high-bytes": b"X-A: " + bytes(range(0x80, 0x100)),
    "all-printable": b"X-A: " + bytes(range(0x21, 0x7F)),
    "invalid-utf-8": b"X-A: \xff\xfe\xc0\x80",
    "odd-name": b"!#$%&'*+-.^`|~09: v",
    "underscore": b"X_A: v",
    "mixed-case": b"x-AbC: v",
    "twice": b"X-A: 1\r\nX-A: 2",
    "cookies": b"Cookie: a=b\r\nCookie: c=d; e",
    "authorization": b"Authorization: Bearer x",
    "forwarded": b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 p",
    "traceparent": b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "accept-encoding": b"Accept-Encoding: gzip, br, zstd",
    "range": b"Range: bytes=0-1\r\nIf-Match: *",
    "4-kib": b"X-A: " + b"v" * 4000,
}


def _many(count: int) -> list[bytes]:
    return [b"X-%d: v" % number for number in range(count)]


CASES = [
    *(
        Case(f"name-{label(bytes([code]))}", request(b"X%cA: v" % code), refused(400))
        for code in _BAD_NAME_CHARACTERS
    ),
    *(
        Case(f"value-{label(bytes([code]))}", request(b"X-A: a%cb" % code), refused(400))
        for code in _BAD_VALUE_CHARACTERS
    ),
    *(Case(f"header-{name}", request(line), refused(400)) for name, line in _BAD_LINES.items()),
    *(
        Case(f"header-{name}-post", post(b"Content-Length: 5", line, body=b"hello"), refused(400))
        for name, line in _BAD_LINES.items()
    ),
    Case(
        "header-first-is-folded",
        b"GET /case/@@ HTTP/1.1\r\n X-A: v\r\nHost: t\r\n\r\n",
        refused(400),
    ),
    Case("header-last-ends-with-lf", request(b"X-A: v\n", body=SMUGGLED), refused(400)),
    *(Case(f"legal-header-{name}", request(line), passes()) for name, line in _LEGAL_LINES.items()),
    Case("legal-100-headers", request(*_many(100)), passes()),
    Case(
        "129-headers",
        request(*_many(128)),
        either(refused_or_closed(400, 431), passes()),
    ),
    Case("2000-headers", request(*_many(2000)), refused_or_closed(400, 431)),
    *(
        Case(f"field-of-{size}", request(b"X-A: " + b"v" * size), refused_or_closed(400, 431))
        for size in (8191, 20_000, 70_000)
    ),
    Case("name-of-20000", request(b"X" * 20_000 + b": v"), refused_or_closed(400, 431)),
    Case(
        "head-of-200-kib",
        request(*(b"X-%d: %b" % (number, b"v" * 4000) for number in range(50))),
        either(refused_or_closed(400, 431), passes()),
    ),
    Case(
        "cookies-of-100-kib",
        request(*([b"Cookie: " + b"c" * 1000] * 100)),
        either(refused_or_closed(400, 431), passes()),
    ),
]
