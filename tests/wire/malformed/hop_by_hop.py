"""What is meant for the next hop alone: Connection and what it names, Upgrade, Expect, HTTP/1.0."""

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
)

_UPGRADE = b"Connection: Upgrade"
_WEBSOCKET = (
    _UPGRADE,
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_HOP = (b"connection", b"upgrade", b"keep-alive", b"proxy-connection", b"te", b"http2-settings")
_SETTINGS = b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"

_NOMINATED = {
    "private": (b"Connection: X-Priv", b"X-Priv: 1", b"X-Kept: 1"),
    "private-other-case": (b"Connection: x-pRIV", b"X-Priv: 1", b"X-Kept: 1"),
    "private-and-close": (b"Connection: close, X-Priv", b"X-Priv: 1"),
    "private-without-spaces": (b"Connection: keep-alive,X-Priv,x", b"X-Priv: 1"),
    "private-in-a-second-line": (b"Connection: keep-alive", b"Connection: X-Priv", b"X-Priv: 1"),
    "private-before": (b"X-Priv: 1", b"Connection: X-Priv"),
    "private-twice": (b"Connection: X-Priv", b"X-Priv: 1", b"X-Priv: 2"),
    "host": (b"Connection: Host",),
    "host-lower": (b"Connection: close, host",),
    "absent": (b"Connection: X-Absent",),
    "commas": (b"Connection: ,,, ,",),
    "empty": (b"Connection:",),
    "keep-alive": (b"Connection: keep-alive", b"Keep-Alive: timeout=5"),
    "proxy-connection": (b"Proxy-Connection: keep-alive",),
    "te-trailers": (b"Connection: TE", b"TE: trailers"),
    "te-alone": (b"TE: trailers, deflate;q=0.5",),
}

_STRIPPED_UPGRADES = {
    "h2c": (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", _SETTINGS),
    "h2c-without-nomination": (_UPGRADE, b"Upgrade: h2c", _SETTINGS),
    "settings-alone": (_SETTINGS,),
    "tls": (_UPGRADE, b"Upgrade: TLS/1.0"),
    "unknown": (_UPGRADE, b"Upgrade: foo/2"),
    "websocket2": (_UPGRADE, b"Upgrade: websocket2"),
    "connection-alone": (_UPGRADE,),
    "empty": (_UPGRADE, b"Upgrade:"),
    "not-nominated": _WEBSOCKET[1:],
}

_EXPECT_REFUSED = (
    b"100-continue, foo",
    b"foo",
    b"200-ok",
    b"100",
    b"100 continue",
    b"100-continue;q=1",
    b"101-continue",
    b"x100-continue",
)


def _nominations() -> list[Case]:
    dropped = (*_HOP, b"x-priv")
    cases = [
        # What follows a request with `close` is no request: see data-behind-close.
        Case(
            f"connection-{name}",
            request(*lines),
            passes(dropped=dropped),
            follow=b"close" not in b"".join(lines),
        )
        for name, lines in _NOMINATED.items()
    ]
    # What frames the request or says whose it is cannot be nominated away.
    cases += [
        Case(
            f"connection-{label(name)}",
            post(b"Connection: " + name, b"Content-Length: 5", body=b"hello"),
            passes(b"hello", dropped=_HOP),
            follow=b"close" not in name,
        )
        for name in (b"Content-Length", b"content-length", b"close, Content-Length, Host")
    ]
    cases += [
        Case(
            f"connection-{label(name)}",
            post(b"Connection: " + name, b"Transfer-Encoding: chunked", body=CHUNKED_HELLO),
            either(passes(b"hello", dropped=_HOP), refused(400)),
            follow=b"close" not in name,
        )
        for name in (b"Transfer-Encoding", b"transfer-encoding, close")
    ]
    cases += [
        Case(
            f"connection-session-{label(name)}",
            request(b"Connection: " + name, b"X-Amzn-SageMaker-Session-Id: forged"),
            refused(400),
        )
        for name in (b"X-Amzn-SageMaker-Session-Id", b"close, x-amzn-sagemaker-session-id")
    ]
    return cases


def _upgrades() -> list[Case]:
    cases = [
        Case(f"upgrade-{name}", request(*lines), passes(dropped=(*_HOP, b"x-priv")))
        for name, lines in _STRIPPED_UPGRADES.items()
    ]
    cases += [
        Case(
            f"upgrade-h2c-{label(method)}-with-body",
            request(*_STRIPPED_UPGRADES["h2c"], b"Content-Length: 5", method=method, body=b"hello"),
            passes(b"hello", dropped=_HOP),
        )
        for method in (b"GET", b"POST")
    ]
    bodies = {
        "nothing": ((), b""),
        "size-0": ((b"Content-Length: 0",), b""),
        "size": ((b"Content-Length: 5",), b"hello"),
        "chunked": ((b"Transfer-Encoding: chunked",), CHUNKED_HELLO),
    }
    cases += [
        Case(
            f"upgrade-websocket-{label(method)}-{name}",
            request(*_WEBSOCKET, *lines, method=method, body=body),
            refused(400, 426),
        )
        for method, (name, (lines, body)) in product((b"GET", b"POST", b"PUT"), bodies.items())
        if method != b"GET" or name in ("size", "chunked")
    ]
    return cases


# The engine of the table answers 200, never 101: nothing may become a tunnel.
_WEBSOCKETS = {
    "plain": _WEBSOCKET,
    "other-case": (b"connection: UPGRADE", b"upgrade: WebSocket", *_WEBSOCKET[2:]),
    "keep-alive-too": (b"Connection: keep-alive, Upgrade", *_WEBSOCKET[1:]),
    "version-777": (*_WEBSOCKET[:2], b"Sec-WebSocket-Version: 777", _WEBSOCKET[3]),
    "no-version": (*_WEBSOCKET[:2], _WEBSOCKET[3]),
    "no-key": _WEBSOCKET[:3],
    "two-upgrades": (*_WEBSOCKET, b"Upgrade: h2c"),
    "list": (_UPGRADE, b"Upgrade: h2c, websocket", *_WEBSOCKET[2:]),
}


def _expectations() -> list[Case]:
    cases = [
        Case(
            f"expect-{label(value)}",
            post(b"Expect: " + value, b"Content-Length: 5", body=b"hello"),
            refused(417),
        )
        for value in _EXPECT_REFUSED
    ]
    cases += [
        Case(
            f"expect-{label(value)}-with-{name}",
            post(b"Expect: " + value, line, body=body),
            passes(b"hello", dropped=(b"expect",)),
        )
        for value in (b"100-continue", b"100-Continue")
        for name, line, body in (
            ("size", b"Content-Length: 5", b"hello"),
            ("chunks", b"Transfer-Encoding: chunked", CHUNKED_HELLO),
        )
    ]
    return cases


CASES = [
    *_nominations(),
    *_upgrades(),
    *(
        Case(
            f"upgrade-websocket-{name}",
            request(*lines),
            either(passes(loosely=True), refused(400, 426)),
        )
        for name, lines in _WEBSOCKETS.items()
    ),
    Case(
        "upgrade-websocket-http-1.0",
        request(*_WEBSOCKET, version=b"HTTP/1.0"),
        either(passes(loosely=True), refused(400, 426)),
    ),
    *_expectations(),
    Case("expect-empty", post(b"Expect:", b"Content-Length: 0"), refused(400, 417)),
    Case("expect-without-body", request(b"Expect: 100-continue"), passes(dropped=(b"expect",))),
    Case(
        "expect-twice",
        post(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        either(passes(b"hello", dropped=(b"expect",)), refused(400, 417)),
    ),
    Case("legal-http-1.0", request(version=b"HTTP/1.0"), passes(), follow=False),
    Case(
        "legal-http-1.0-post",
        request(b"Content-Length: 5", method=b"POST", version=b"HTTP/1.0", body=b"hello"),
        passes(b"hello"),
        follow=False,
    ),
    Case(
        "legal-http-1.0-keep-alive",
        request(b"Connection: keep-alive", version=b"HTTP/1.0"),
        passes(dropped=_HOP),
    ),
    Case(
        "legal-http-1.0-expect-is-ignored",
        request(
            b"Expect: 100-continue",
            b"Content-Length: 5",
            method=b"POST",
            version=b"HTTP/1.0",
            body=b"hello",
        ),
        passes(b"hello", dropped=(b"expect",)),
        follow=False,
    ),
    Case("legal-close", request(b"Connection: close"), passes(dropped=_HOP), follow=False),
    # RFC 9112 section 9.6: nothing may follow, and what follows must not be served.
    *(
        Case(
            f"data-behind-close-{label(version)}",
            request(*lines, version=version, body=SMUGGLED),
            either(passes(dropped=_HOP), refused(400)),
        )
        for version, lines in ((b"HTTP/1.1", (b"Connection: close",)), (b"HTTP/1.0", ()))
    ),
]
