"""Headers that say whose session it is: nothing that only looks like one may reach the engine.

CVE-2025-64484 is this bug in another proxy: engines behind CGI or WSGI read `_` as `-`.
"""

from tests.wire.malformed.case import (
    SMUGGLED,
    Case,
    either,
    label,
    passes,
    post,
    refused,
    request,
)

_SESSION = b"X-Amzn-SageMaker-Session-Id"
_SPELLINGS = (
    b"X_Amzn_SageMaker_%b",
    b"X-Amzn-SageMaker_%b",
    b"X_AMZN_SAGEMAKER_%b",
    b"X.Amzn.SageMaker.%b",
    b"X-Amzn-Sage-Maker-%b",
    b"XAmznSageMaker%b",
    b"X--Amzn-SageMaker-%b",
    b"X-Amzn-SageMaker-%b-",
    b"'X-Amzn-SageMaker-%b'",
    b"x|amzn|sagemaker|%b",
)
_OURS = (b"Session-Id", b"New-Session-Id", b"Closed-Session-Id")

_BAD_IDS = (
    b"",
    b"unknown",
    b"00000000-0000-4000-8000-000000000000",
    b"0" * 32,
    b"a" * 256,
    b"a" * 257,
    b"a" * 4000,
    b".",
    b"..",
    b"../../etc/passwd",
    b"/etc/passwd",
    b"a/b",
    b"a\\b",
    b"%2e%2e",
    b".tmp-x",
    b".del-x",
    b".sidecar",
    b"-a",
    b"a-",
    b"a_b",
    b"a b",
    b"a,b",
    b'"a"',
    b"a;Expires=2099-01-01T00:00:00Z",
    b"new_session",
    b"NEW_SESSION, NEW_SESSION",
    b"NEW_SESSION\xa0",
    b"CLOSE",
    b"caf\xc3\xa9",
    b"caf\xe9",
    b"\xff\xfe",
    b"abcdef\xff",
    b"a\x00b",
    b"a\x0bb",
    b"a\x1b[31m",
    b"a\x7f",
    b"a\r\n b",
    b"*",
    b"~",
    b"{}",
    b"${jndi:ldap://x}",
    b"a" * 60 + b"\n" + SMUGGLED[:10],
)


CASES = [
    *(
        Case(f"id-{label(value)}", request(_SESSION + b": " + value), refused(400))
        for value in _BAD_IDS
    ),
    *(
        Case(
            f"identity-{label(spelling % name)}",
            request(spelling % name + b": forged"),
            refused(400),
        )
        for spelling in _SPELLINGS
        for name in _OURS
    ),
    *(
        Case(
            f"identity-{label(spelling % b'session_id')}",
            request((spelling % b"session_id") + b": forged"),
            refused(400),
        )
        for spelling in (b"x-amzn-sagemaker-%b", b"x_amzn_sagemaker_%b")
    ),
    *(
        Case(
            f"identity-{label(name)}",
            request(name + b": forged", b"X-A: b"),
            either(passes(dropped=(name.lower(),)), refused(400)),
        )
        for name in (
            b"X-Amzn-SageMaker-New-Session-Id",
            b"x-amzn-sagemaker-closed-session-id",
            b"X-AMZN-SAGEMAKER-NEW-SESSION-ID",
        )
    ),
    *(
        Case(
            f"identity-twice-{label(first)}-{label(second)}",
            request(_SESSION + b": " + first, second + b": forged"),
            refused(400),
        )
        for first in (b"unknown", b"NEW_SESSION")
        for second in (_SESSION, _SESSION.lower(), _SESSION.replace(b"-", b"_"))
    ),
    Case(
        "identity-lower-case-unknown",
        request(_SESSION.lower() + b": unknown"),
        refused(400),
    ),
    Case(
        "identity-space-before-colon",
        request(_SESSION + b" : unknown"),
        refused(400),
    ),
    Case(
        "identity-folded",
        request(b" " + _SESSION + b": unknown"),
        refused(400),
    ),
    Case(
        "identity-on-post",
        post(_SESSION + b": unknown", b"Content-Length: 5", body=b"hello"),
        refused(400),
    ),
    Case(
        "identity-on-chunked",
        post(
            _SESSION + b": unknown", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"
        ),
        refused(400),
    ),
    Case(
        "legal-identity-like-names",
        request(b"X-Session-Id: a", b"Session-Id: b", b"X-Amzn-SageMaker-Custom-Attributes: c"),
        passes(),
    ),
]
