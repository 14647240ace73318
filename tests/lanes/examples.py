"""What a client may send: legal, odd and hostile requests, in pieces, one behind the other."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

LIVE = b"@live@"  # stands for the id of a session that lives

METHODS = st.sampled_from(
    [b"POST"] * 8
    + [b"GET"] * 6
    + [b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"get", b"X-Y"]
)
TARGETS = st.sampled_from(
    [b"/invocations"] * 8
    + [b"/v1/chat"] * 6
    + [b"/ping", b"/", b"/a%2fb?c=d&e", b"//x", b"/a/../b", b"*", b"http://t/x", b"x", b"/a b"]
    + [b"/endpoints/e/invocations", b"/endpoints/e/invocations-response-stream", b"/\xff", b"/#f"]
)
VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 20 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1"]
)
BODIES = st.sampled_from(
    [b"", b"x", b"hello world", b'{"text": "hi"}', b"\0\xff" * 40, b"y" * 70_000]
    + [b'{"requestType": "NEW_SESSION"}', b'{"requestType": "CLOSE"}'] * 3
    + [b'{"requestType": "OTHER"}', b'{"requestType": "CLOSE", "x": 1}', b'{"requestType": 1}']
    + [b'{"request\\u0054ype": "NEW_SESSION"}', b'["requestType"]', b'{"requestType"', b"{" * 30]
)
FIELDS = st.sampled_from(
    [b"Content-Type: application/json", b"Accept: */*", b"X-Any: thing"] * 4
    + [b"X-Amzn-SageMaker-Session-Id: " + LIVE] * 6
    + [
        b"X-Amzn-SageMaker-Session-Id: NEW_SESSION",
        b"X-Amzn-SageMaker-Session-Id: nobody",
        b"X-Amzn-SageMaker-Session-Id:",
        b"x_amzn_sagemaker_session_id: x",
        b"x-amzn-sagemaker-session-id: " + LIVE,
        b"X-Amzn-SageMaker-New-Session-Id: x",
        b"X-Amzn-SageMaker-Closed-Session-Id: x",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: X-Any",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Expect: 100-continue",
        b"Expect: 200-maybe",
        b"TE: trailers",
        b"Trailer: X-T",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: upgrade",
        b"Content-Encoding: gzip",
        b"Content-Type: text/csv",
        b"Content_Length: 3",
        b"Content-Length: 3",
        b"Content-Length: +3",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding:",
        b"Host: other",
        b"Host: a b",
        b"Folded: a\r\n b",
        b"X-Request-Id: one",
        b"X-Request-Id: two",
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"X-Empty:",
        b"X-Spaces:   a  ",
        b"X-Bytes: \xff\xfe",
        b"Bad Name: x",
        b"No-Colon",
        b"X-Long: " + b"l" * 9000,
    ]
)
CHUNKINGS = st.sampled_from(
    [b"%x\r\n%b\r\n"] * 8
    + [b"%X;a=b\r\n%b\r\n", b"0%x \r\n%b\r\n", b"%x\n%b\r\n", b"+%x\r\n%b\r\n"]
)
TRAILERS = st.sampled_from(
    [b""] * 6 + [b"X-Trail: x\r\n", b"X-Amzn-SageMaker-Session-Id: " + LIVE + b"\r\n", b"bad\r\n"]
)
NOISE = st.sampled_from(
    [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"chunked", b"\xff", b"GET / HTTP/1.1\r\n"]
)


@dataclass(frozen=True)
class Example:
    """The bytes in the pieces in which they are sent, and the engine's way to answer."""

    pieces: tuple[bytes, ...]
    reply: int


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = [b"%b %b %b" % (draw(METHODS), draw(TARGETS), draw(VERSIONS)), b"Host: t"]
    lines += draw(st.lists(FIELDS, max_size=4))
    body = draw(BODIES)
    match draw(st.sampled_from(["counted"] * 5 + ["chunked"] * 3 + ["none", "miscounted"])):
        case "counted":
            lines.append(b"Content-Length: %d" % len(body))
        case "miscounted":
            lines.append(b"Content-Length: %d" % (len(body) + draw(st.sampled_from([-1, 1]))))
        case "chunked":
            lines.append(b"Transfer-Encoding: chunked")
            body = draw(chunked(body)) + draw(TRAILERS) + b"\r\n"
        case _:
            pass
    return b"\r\n".join([*lines, b"", b""]) + body


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    at = draw(st.integers(0, len(body)))
    parts = [part for part in (body[:at], body[at:]) if part]
    return b"".join(draw(CHUNKINGS) % (len(part), part) for part in parts) + b"0\r\n"


@st.composite
def examples(draw: st.DrawFn) -> Example:
    data = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(NOISE) + data[at + draw(st.integers(0, 2)) :]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    ends = [0, *cuts, len(data)]
    pieces = tuple(data[start:end] for start, end in pairwise(ends))
    return Example(tuple(piece for piece in pieces if piece), draw(st.integers(0, 15)))
