"""What a faulty engine sends, sorted by what the client must then see."""

from dataclasses import dataclass

from tests.harness.behaviours import Then

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


@dataclass(frozen=True)
class Reply:
    """What the engine sends, and then does."""

    data: bytes
    then: Then = "close"


# No answer can be made of these: the client gets a 502.
UNUSABLE = {
    "closes-before-answering": Reply(b""),
    "resets-before-answering": Reply(b"", "reset"),
    "closes-in-the-status-line": Reply(b"HTTP/1.1 20"),
    "closes-in-the-head": Reply(OK + b"X-A: b\r\n"),
    "garbage": Reply(b"\x16\x03\x01garbage\xff\r\n\r\n"),
    "binary-without-an-end": Reply(b"\x00\x01\x02" * 100),
    "http-0.9": Reply(b"<html>hello</html>\r\n\r\n"),
    "another-protocol": Reply(b"ICY 200 OK\r\n" + EMPTY, "hold"),
    "ssh-banner": Reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "http-2.0": Reply(b"HTTP/2.0 200 OK\r\n" + EMPTY, "hold"),
    "no-status": Reply(b"HTTP/1.1\r\n" + EMPTY, "hold"),
    "status-of-two-digits": Reply(b"HTTP/1.1 20 OK\r\n" + EMPTY, "hold"),
    "status-of-four-digits": Reply(b"HTTP/1.1 2000 OK\r\n" + EMPTY, "hold"),
    "status-in-words": Reply(b"HTTP/1.1 OK\r\n" + EMPTY, "hold"),
    "status-000": Reply(b"HTTP/1.1 000 OK\r\n" + EMPTY, "hold"),
    "status-600": Reply(b"HTTP/1.1 600 OK\r\n" + EMPTY, "hold"),
    "status-999": Reply(b"HTTP/1.1 999 OK\r\n" + EMPTY, "hold"),
    "status-negative": Reply(b"HTTP/1.1 -200 OK\r\n" + EMPTY, "hold"),
    "nul-in-the-reason": Reply(b"HTTP/1.1 200 O\x00K\r\n" + EMPTY, "hold"),
    "cr-in-the-reason": Reply(b"HTTP/1.1 200 O\rK\r\n" + EMPTY, "hold"),
    "nul-in-a-value": Reply(OK + b"X-A: a\x00b\r\n" + EMPTY, "hold"),
    "control-in-a-value": Reply(OK + b"X-A: a\x01b\r\n" + EMPTY, "hold"),
    "escape-in-a-value": Reply(OK + b"X-A: \x1b[2J\r\n" + EMPTY, "hold"),
    "cr-in-a-value": Reply(OK + b"X-A: a\rSet-Cookie: x=y\r\n" + EMPTY, "hold"),
    "lf-line-end": Reply(OK + b"X-A: a\nX-B: b\r\n" + EMPTY, "hold"),
    "lf-everywhere": Reply(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    "folded": Reply(OK + b"X-A: a\r\n b\r\n" + EMPTY, "hold"),
    "space-before-colon": Reply(OK + b"X-A : b\r\n" + EMPTY, "hold"),
    "length-space-before-colon": Reply(OK + b"Content-Length : 5\r\n\r\nhello", "hold"),
    "no-name": Reply(OK + b": b\r\n" + EMPTY, "hold"),
    "no-colon": Reply(OK + b"X-A\r\n" + EMPTY, "hold"),
    "control-in-a-name": Reply(OK + b"X\x01A: b\r\n" + EMPTY, "hold"),
    "coding-and-length": Reply(
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "hold",
    ),
    "two-lengths": Reply(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "hold"),
    "two-equal-lengths": Reply(OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hold"),
    "length-list": Reply(OK + b"Content-Length: 5, 5\r\n\r\nhello", "hold"),
    "length-negative": Reply(OK + b"Content-Length: -5\r\n\r\nhello", "hold"),
    "length-with-plus": Reply(OK + b"Content-Length: +5\r\n\r\nhello", "hold"),
    "length-hex": Reply(OK + b"Content-Length: 0x5\r\n\r\nhello", "hold"),
    "length-empty": Reply(OK + b"Content-Length:\r\n\r\nhello", "hold"),
    "length-2^64": Reply(OK + b"Content-Length: 18446744073709551621\r\n\r\nhello", "hold"),
    "length-look-alike": Reply(OK + b"Content_Length: 9\r\n" + HELLO, "hold"),
    "coding-look-alike": Reply(OK + b"Transfer_Encoding: chunked\r\n" + HELLO, "hold"),
    "coding-identity": Reply(OK + b"Transfer-Encoding: identity\r\n\r\nhello"),
    "coding-list": Reply(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "hold"),
    "coding-twice": Reply(
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "hold"
    ),
    "coding-unknown": Reply(OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "hold"),
    "coding-in-http-1.0": Reply(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "close"
    ),
    "switches-protocols": Reply(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "hold",
    ),
    "switches-to-h2c": Reply(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "hold"
    ),
    "head-of-2-mib": Reply(OK + b"X-A: %b\r\n" % (b"a" * 1000) * 2000 + EMPTY, "hold"),
    "100000-headers": Reply(OK + b"X-A: b\r\n" * 100_000 + EMPTY, "hold"),
    "one-header-of-1-mib": Reply(OK + b"X-A: %b\r\n" % (b"a" * 2**20) + EMPTY, "hold"),
    "head-that-never-ends": Reply(OK + b"X-A: b\r\n" * 100_000, "hold"),
    "interim-with-a-body": Reply(
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + OK + HELLO, "hold"
    ),
    "interim-without-number": Reply(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 5000, "hold"
    ),
    "continue-without-number": Reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "hold"),
    "interim-then-close": Reply(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "interim-without-end": Reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, "close"),
}

# The head was good and has gone to the client; the body must not look complete.
BROKEN = {
    "length-too-long": Reply(OK + b"Content-Length: 10\r\n\r\nhello"),
    "length-too-long-reset": Reply(OK + b"Content-Length: 10\r\n\r\nhello", "reset"),
    "length-and-no-body": Reply(OK + b"Content-Length: 10\r\n\r\n"),
    "chunks-without-the-last": Reply(CHUNKED + b"5\r\nhello\r\n"),
    "chunks-without-the-last-reset": Reply(CHUNKED + b"5\r\nhello\r\n", "reset"),
    "chunks-end-in-the-last": Reply(CHUNKED + b"5\r\nhello\r\n0\r\n"),
    "chunks-end-in-a-size": Reply(CHUNKED + b"5\r\nhello\r\n1"),
    "chunks-end-in-data": Reply(CHUNKED + b"a\r\nhello"),
    "no-chunk-at-all": Reply(CHUNKED),
    "chunk-size-wrong": Reply(CHUNKED + b"5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-negative": Reply(CHUNKED + b"5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-hex-prefix": Reply(CHUNKED + b"5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-size-2^64": Reply(CHUNKED + b"5\r\nhello\r\n10000000000000005\r\nhello", "hold"),
    "chunk-data-too-long": Reply(CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", "hold"),
    "chunk-data-too-short": Reply(CHUNKED + b"5\r\nhell\r\n0\r\n\r\n", "hold"),
    "chunk-size-with-lf": Reply(CHUNKED + b"5\nhello\r\n0\r\n\r\n", "hold"),
    "chunk-without-crlf": Reply(CHUNKED + b"5\r\nhello0\r\n\r\n", "hold"),
    "chunk-extension-too-long": Reply(CHUNKED + b"5\r\nhello\r\n5;" + b"e" * 10_000, "hold"),
    "trailer-too-long": Reply(CHUNKED + b"5\r\nhello\r\n0\r\nX-A: " + b"a" * 100_000, "hold"),
    "trailers-without-end": Reply(CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X-A: b\r\n" * 5000, "hold"),
    "until-the-end-reset": Reply(OK + b"\r\nhello", "reset"),
}

# A good answer and then something: the answer counts, and what follows is nobody's.
TRAILING = {
    "a-second-answer": Reply(OK + HELLO + SMUGGLED_ANSWER, "hold"),
    "a-second-answer-after-chunks": Reply(
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + SMUGGLED_ANSWER, "hold"
    ),
    "bytes-behind-the-length": Reply(OK + b"Content-Length: 5\r\n\r\nhello world", "hold"),
    "crlf-behind-the-length": Reply(OK + HELLO + b"\r\n", "hold"),
    "closes-without-saying-so": Reply(OK + HELLO, "close"),
    "resets-without-saying-so": Reply(OK + b"Connection: close\r\n" + HELLO, "reset"),
    "trailers": Reply(CHUNKED + b"5\r\nhello\r\n0\r\nX-Trail: x\r\n\r\n", "keep"),
}

BODILESS = {
    "body-on-204": (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n" + SMUGGLED_ANSWER),
    "length-on-204": (b"GET", b"HTTP/1.1 204 No Content\r\n" + HELLO),
    "body-on-304": (b"GET", b"HTTP/1.1 304 Not Modified\r\n" + HELLO),
    "body-on-head": (b"HEAD", OK + HELLO),
    "chunks-on-head": (b"HEAD", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
}
