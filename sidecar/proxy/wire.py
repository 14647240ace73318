"""The bytes that the sidecar itself writes: request heads to the engine, heads and answers to the
client. Pure, and the one place for it: both lanes call these."""

from collections.abc import Iterable

from sidecar.dialects.intent import Answer, Stream, Voice
from sidecar.engine.reply import Reply
from sidecar.head import Head

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    422: "Unprocessable Content",
    424: "Failed Dependency",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}


def stream_head(stream: Stream, framing: bytes) -> bytes:
    """The head of an answer of ours that comes in pieces."""
    lines = [
        f"HTTP/1.1 {stream.status} {_REASONS[stream.status]}",
        f"Content-Type: {stream.content_type}",
        *(f"{name}: {value}" for name, value in stream.headers),
    ]
    return b"%b\r\n%b\r\n" % ("\r\n".join(lines).encode(), framing)


def answer_bytes(answer: Answer, *, close: bool, head_only: bool = False) -> bytes:
    """An answer of ours, complete. head_only: the answer to HEAD."""
    lines = [f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}"]
    if answer.body:
        lines.append(f"Content-Type: {answer.content_type}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.status != 204:  # RFC 9110 section 8.6
        lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    body = b"" if head_only else answer.body
    return "\r\n".join([*lines, "", ""]).encode() + body


def request_start(head: Head, target: str, lines: list[bytes]) -> bytes:
    """The request line and the client's header lines, as they go to the engine."""
    start = b"%b %b HTTP/1.1\r\n" % (
        head.method.encode(),
        target.encode("utf-8", "surrogateescape"),
    )
    return b"".join((start, *lines))


def request_head(
    head: Head, target: str, lines: list[bytes], *, host: str, length: int | None
) -> bytes:
    """What goes to the engine. length: of a rewritten body; it replaces the framing that came."""
    if length is not None:
        lines = [line for line in lines if not is_framing(line)]
        lines.append(b"Content-Length: %d\r\n" % length)
    if not head.has_host:
        lines = [f"Host: {host}\r\n".encode(), *lines]
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" if head.websocket else b""
    return b"%b%b\r\n" % (request_start(head, target, lines), upgrade)


def reply_head(
    reply: Reply, framing: bytes, extra: bytes = b"", lines: list[bytes] | None = None
) -> bytes:
    """The head of a reply as the client gets it: the engine's lines, ours, and our framing."""
    start = b"HTTP/1.1 %d %b\r\n" % (reply.status, reply.reason)
    return b"".join((start, *(reply.lines if lines is None else lines), extra, framing, b"\r\n"))


def kept_head(reply: Reply) -> bytes:
    """The head for a client on a kept HTTP/1.1 connection; the reply has a Content-Length."""
    if not reply.kept_head:
        reply.kept_head = reply_head(reply, b"Content-Length: %d\r\n" % (reply.content_length or 0))
    return reply.kept_head


def interim_head(reply: Reply) -> bytes:
    return reply_head(reply, b"")


def switching_head(reply: Reply, extra: bytes) -> bytes:
    """The 101 that opens a tunnel."""
    return reply_head(reply, b"Connection: Upgrade\r\nUpgrade: websocket\r\n", extra)


def voice_lines(voice: Voice) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in voice.reply_headers).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def is_framing(line: bytes) -> bool:
    return line.partition(b":")[0].lower() in (b"content-length", b"transfer-encoding")


def without(lines: Iterable[bytes], *names: bytes) -> list[bytes]:
    """The header lines but those of `names`, which are in lower case."""
    return [line for line in lines if line.partition(b":")[0].lower() not in names]


def untraced(lines: Iterable[bytes]) -> list[bytes]:
    """The header lines but those that say what caused a request (W3C Trace Context)."""
    return without(lines, b"traceparent", b"tracestate")


def reply_framing(
    reply: Reply, length: int | None, *, to: Head, keep: bool
) -> tuple[bytes, bool, bool]:
    """How the reply's end is shown to this client: (lines, chunked, may the connection be kept).

    length: of the body as it will be sent, None when it is not known.
    """
    bodyless = to.method == "HEAD" or reply.has_no_body
    chunked = not bodyless and length is None and to.http11
    keep = keep and (bodyless or length is not None or chunked)
    lines = b""
    if length is not None and reply.status != 204:
        lines = b"Content-Length: %d\r\n" % length
    elif chunked:
        lines = b"Transfer-Encoding: chunked\r\n"
    if not keep:
        lines += b"Connection: close\r\n"
    elif not to.http11:
        lines += b"Connection: keep-alive\r\n"
    return lines, chunked, keep
