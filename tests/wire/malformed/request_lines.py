"""The first line: versions, separators, methods, line ends, and what is no HTTP at all."""

from tests.wire.malformed.case import (
    HOST,
    SMUGGLED,
    TARGET,
    Case,
    either,
    label,
    passes,
    refused,
    refused_or_closed,
    request,
)

_BAD_LINE = refused_or_closed(400, 505)
_CLEAN_OR_REFUSED = either(passes(loosely=True), refused_or_closed(400, 405, 501, 505))
_REST = b"\r\n" + HOST + b"\r\n\r\n"

_BAD_VERSIONS = (
    b"HTTP/2.0",
    b"HTTP/2",
    b"HTTP/3.0",
    b"HTTP/0.9",
    b"HTTP/1.2",
    b"HTTP/1.9",
    b"HTTP/1",
    b"HTTP/11",
    b"HTTP/1.",
    b"HTTP/.1",
    b"HTTP/1.10",
    b"HTTP/1.1.1",
    b"HTTP/01.1",
    b"HTTP/1.1x",
    b"HTTP/-1.1",
    b"HTTP/1,1",
    b"HTTP/x.y",
    b"HTTP/ 1.1",
    b"HTTP/1. 1",
    b"HTTP 1.1",
    b"HTTP1.1",
    b"http/1.1",
    b"Http/1.1",
    b"HTTPS/1.1",
    b"XHTTP/1.1",
    b"SIP/2.0",
    b"1.1",
    b"",
    b"HTTP/1.1\x00",
    b"HTTP/1.1\x0b",
    b"HTTP/\xef\xbc\x91.1",
)

_BAD_LINES = {
    "http-0.9": b"GET /case/@@\r\n\r\n",
    "http-0.9-with-headers": b"GET /case/@@" + _REST,
    "http-0.9-post": b"POST /case/@@" + _REST,
    "no-space-before-the-version": b"POST /case/@@HTTP/1.1" + _REST,
    "no-space-before-the-target": b"GET/case/@@ HTTP/1.1" + _REST,
    "no-target": b"GET HTTP/1.1\r\nX-Case: @@" + _REST,
    "empty-target": b"GET  HTTP/1.1\r\nX-Case: @@" + _REST,
    "only-a-method": b"GET\r\nX-Case: @@" + _REST,
    "tab-before-the-target": b"GET\t/case/@@ HTTP/1.1" + _REST,
    "tab-before-the-version": b"GET /case/@@\tHTTP/1.1" + _REST,
    "vertical-tab-separators": b"GET\x0b/case/@@\x0bHTTP/1.1" + _REST,
    "space-in-the-target": b"GET /case/@@ b HTTP/1.1" + _REST,
    "version-twice": b"GET /case/@@ HTTP/1.1 HTTP/1.1" + _REST,
    "words-behind-the-version": b"GET /case/@@ HTTP/1.1 x" + _REST,
    "space-in-front": b" GET /case/@@ HTTP/1.1" + _REST,
    "tab-in-front": b"\tGET /case/@@ HTTP/1.1" + _REST,
    "nul-in-front": b"\x00GET /case/@@ HTTP/1.1" + _REST,
    "nul-in-the-method": b"G\x00ET /case/@@ HTTP/1.1" + _REST,
    "nul-in-the-target": b"GET /case/\x00@@ HTTP/1.1" + _REST,
    "control-in-the-target": b"GET /case/\x01@@ HTTP/1.1" + _REST,
    "escape-in-the-target": b"GET /case/\x1b[2J@@ HTTP/1.1" + _REST,
    "del-in-the-target": b"GET /case/\x7f@@ HTTP/1.1" + _REST,
    "cr-in-the-target": b"GET /case/\r@@ HTTP/1.1" + _REST,
    "lf-in-the-target": b"GET /case/\n@@ HTTP/1.1" + _REST,
    "line-ends-with-lf": b"GET /case/@@ HTTP/1.1\nHost: t\r\n\r\n",
    "line-ends-with-cr": b"GET /case/@@ HTTP/1.1\rHost: t\r\n\r\n",
    "line-ends-with-crcrlf": b"GET /case/@@ HTTP/1.1\r\r\nHost: t\r\n\r\n",
    "lf-everywhere": b"GET /case/@@ HTTP/1.1\nHost: t\n\n",
    "cr-everywhere": b"GET /case/@@ HTTP/1.1\rHost: t\r\r" + SMUGGLED,
    "lf-before-the-body": b"GET /case/@@ HTTP/1.1\r\nHost: t\r\n\n" + SMUGGLED,
    "method-with-space": b"G ET /case/@@ HTTP/1.1" + _REST,
    "method-with-colon": b"GET: /case/@@ HTTP/1.1" + _REST,
    "method-with-at": b"G@T /case/@@ HTTP/1.1" + _REST,
    "method-quoted": b'"GET" /case/@@ HTTP/1.1' + _REST,
    "method-non-ascii": b"G\xc3\x89T /case/@@ HTTP/1.1" + _REST,
    "method-empty": b"/case/@@ HTTP/1.1" + _REST,
    "header-first": b"Host: t\r\nGET /case/@@ HTTP/1.1\r\n\r\n",
    "h2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls-client-hello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"
    + b"\x55" * 64
    + b"\r\n\r\n",
    "ssh-banner": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "nuls": b"\x00" * 32 + b"\r\n\r\n",
    "an-answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "json": b'{"requestType": "NEW_SESSION"}\r\n\r\n',
    "emoji": "\N{GHOST} /case/@@ HTTP/1.1\r\nHost: t\r\n\r\n".encode(),
}

_LEGAL_METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
# llhttp knows a list of methods; a token outside it may be refused, but not changed.
_UNUSUAL_METHODS = (
    b"PROPFIND",
    b"REPORT",
    b"PURGE",
    b"M-SEARCH",
    b"QUERY",
    b"get",
    b"Post",
    b"BREW",
    b"X" * 300,
)

CASES = [
    *(
        Case(f"version-{label(version)}", request(version=version), _BAD_LINE)
        for version in _BAD_VERSIONS
    ),
    *(Case(f"line-{name}", raw, _BAD_LINE) for name, raw in _BAD_LINES.items()),
    *(
        Case(f"legal-method-{label(name)}", request(method=name), passes())
        for name in _LEGAL_METHODS
    ),
    *(
        Case(
            f"method-{label(name)}", request(method=name), either(passes(), refused(400, 405, 501))
        )
        for name in _UNUSUAL_METHODS
    ),
    # A proxy that reflects TRACE shows a script its own cookies; CONNECT would open a tunnel.
    Case("method-TRACE", request(method=b"TRACE"), refused(405)),
    Case(
        "method-TRACE-with-body",
        request(b"Content-Length: 49", method=b"TRACE", body=SMUGGLED),
        refused(405, 400),
    ),
    Case("method-CONNECT-path", request(method=b"CONNECT"), refused_or_closed(400, 405, 501)),
    Case(
        "method-CONNECT-authority",
        request(b"X-Case: @@", method=b"CONNECT", target=b"engine.example:443", body=SMUGGLED),
        refused_or_closed(400, 405, 501),
    ),
    # One clean reading reaches the engine, as HTTP/1.1: the parser hides how the line was written.
    Case("version-RTSP", request(version=b"RTSP/1.0"), _CLEAN_OR_REFUSED),
    Case("version-ICE", request(method=b"SOURCE", version=b"ICE/1.0"), _CLEAN_OR_REFUSED),
    Case("line-two-spaces", b"GET  " + TARGET + b" HTTP/1.1" + _REST, _CLEAN_OR_REFUSED),
    Case(
        "line-two-spaces-before-the-version",
        b"GET " + TARGET + b"  HTTP/1.1" + _REST,
        _CLEAN_OR_REFUSED,
    ),
    Case("line-space-at-the-end", b"GET " + TARGET + b" HTTP/1.1 " + _REST, _CLEAN_OR_REFUSED),
    # RFC 9112 section 2.2: at least one empty line in front should be ignored.
    Case("line-behind-crlf", b"\r\n" + request(), _CLEAN_OR_REFUSED),
    Case("line-behind-lf", b"\n" + request(), _CLEAN_OR_REFUSED),
    Case("line-behind-cr", b"\r" + request(), _CLEAN_OR_REFUSED),
    Case("line-behind-many-crlf", b"\r\n" * 20 + request(), _CLEAN_OR_REFUSED),
    Case(
        "line-of-64-kib",
        request(target=b"/case/@@/" + b"a" * 65536),
        refused_or_closed(400, 414, 431),
    ),
    Case(
        "query-of-64-kib",
        request(target=b"/case/@@?" + b"q" * 65536),
        refused_or_closed(400, 414, 431),
    ),
    Case("legal-line-of-4-kib", request(target=b"/case/@@/" + b"a" * 4000), passes()),
    Case("method-of-64-kib", request(method=b"A" * 65536), refused_or_closed(400, 414, 431, 501)),
    Case("line-never-ends", b"A" * 200_000 + b"\r\n\r\n", refused_or_closed(400, 414, 431, 501)),
]
