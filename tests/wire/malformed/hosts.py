"""Host: exactly one, and nothing but a host and a port (RFC 9110 section 7.2)."""

from tests.wire.malformed.case import (
    HOST,
    Case,
    Expect,
    either,
    label,
    passes,
    refused,
    request,
)

_BAD = (
    b"",
    b"a b",
    b"a\tb",
    b"a/b",
    b"a/",
    b"/a",
    b"a\\b",
    b"a@b",
    b"user:pw@a",
    b"a?b",
    b"a#b",
    b"a:b",
    b"a:-1",
    b"a:+80",
    b"a:8 0",
    b"a: 80",
    b"a:80:80",
    b"a:80/x",
    b"a:999999999",
    b"http://a",
    b"::1",
    b"[::1",
    b"::1]",
    b"[::1]x",
    b"[::1]]",
    b"[zz]",
    b"[",
    b"]",
    b"a<b",
    b'a"b',
    b"a^b",
    b"a|b",
    b"a`b",
    b"a{b}",
    b"a\x00b",
    b"a\x01b",
    b"a\x7fb",
    b"caf\xc3\xa9",
    b"a\xff",
    b"a\r\n b",
)
_CURIOUS = (
    b":80",
    b"a:",
    b"a:65536",
    b"a:00080",
    b"a,b",
    b"a, b",
    b"a;b",
    b"a%zz",
    b"a%41",
    b"a_b",
    b"..",
    b"-",
    b"[]",
    b"[fe80::1%25eth0]",
    b"[v1.x]",
)
_LEGAL = (
    b"a",
    b"a:80",
    b"A.Example.COM",
    b"a-b.c",
    b"a.",
    b"localhost:8080",
    b"127.0.0.1:8080",
    b"[::1]",
    b"[::1]:80",
    b"xn--caf-dma.example",
    b"1",
)
_LOOKALIKES = (b"Ho-st", b"Ho_st", b"H.o.s.t", b"Host-", b"_Host", b"Host|", b"HOST~")


def _cases(values: tuple[bytes, ...], expect: Expect) -> list[Case]:
    return [
        Case(f"host-{label(value)}", request(host=b"Host: " + value), expect) for value in values
    ]


CASES = [
    *_cases(_BAD, refused(400)),
    *_cases(_CURIOUS, either(passes(), refused(400))),
    *_cases(_LEGAL, passes()),
    Case("host-missing", request(host=None), refused(400)),
    Case("host-missing-post", request(b"Content-Length: 0", host=None), refused(400)),
    Case("host-twice", request(b"Host: t"), refused(400)),
    Case("host-twice-different", request(b"Host: evil.example"), refused(400)),
    Case("host-twice-other-case", request(b"hOST: evil.example"), refused(400)),
    Case("host-twice-with-empty", request(b"Host:"), refused(400)),
    *(
        Case(f"host-name-{label(name)}", request(name + b": evil.example"), refused(400))
        for name in _LOOKALIKES
    ),
    Case("host-name-space", request(b"Host : evil.example"), refused(400)),
    Case("host-name-folded", request(b" Host: evil.example"), refused(400)),
    Case("legal-host-name-case", request(host=b"hOsT: t"), passes()),
    Case("legal-host-last", request(b"X-A: b", HOST, host=None), passes()),
    Case("legal-x-forwarded-host", request(b"X-Forwarded-Host: evil.example"), passes()),
    Case(
        "legal-http-1.0-without-host",
        request(host=None, version=b"HTTP/1.0"),
        passes(added=(b"host",)),
        follow=False,
    ),
]
