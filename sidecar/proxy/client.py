"""The client's side of the aiohttp lane: a connection with deadlines, and raw answers."""

import asyncio
import socket
import struct
import time
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestPayloadError, _ErrInfo

from sidecar.dialects.intent import Answer
from sidecar.dialects.sagemaker.answers import refuse
from sidecar.errors import (
    BadRequest,
    ClientTooSlow,
    HeadTooLarge,
    Overloaded,
    SidecarError,
    TargetTooLong,
)

_REASONS = {
    200: "OK",
    400: "Bad Request",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    424: "Failed Dependency",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}


class Sent(web.StreamResponse):
    """Tells aiohttp that the handler has written the answer itself."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._keeps = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        return self._keeps

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def answer_bytes(answer: Answer, *, close: bool, head_only: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}"]
    if answer.body:
        lines.append(f"Content-Type: {answer.content_type}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    body = b"" if head_only else answer.body
    return "\r\n".join([*lines, "", ""]).encode() + body


def reset(transport: asyncio.Transport) -> None:
    """End with a reset: a client that reads until the end must not take this for the end.

    Linger 0 is needed: uvloop's abort alone sends an ordinary FIN.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class ClientConnection(web.RequestHandler):
    """aiohttp's connection, which notes since when the client has kept us waiting."""

    __slots__ = ("body_reader", "head_since", "received", "stalled_since", "window")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_since: float | None = time.monotonic()
        self.stalled_since: float | None = None
        self.received = 0
        self.window: tuple[float, int] | None = None  # (since, received then), while in a body
        self.body_reader: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        server = self._manager
        if isinstance(server, ClientServer) and len(server._connections) > server.connections_max:
            error = Overloaded("the sidecar has all the connections it may have: try again")
            assert self.transport is not None
            self.transport.write(answer_bytes(refuse(error), close=True))
            self.force_close()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.head_since is None and self._current_request is None and not self._messages:
            self.head_since = time.monotonic()
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._fail_unfinished_bodies()

    def _fail_unfinished_bodies(self) -> None:
        """aiohttp 3.14 queues a parser's error but leaves the reader of that body waiting."""
        readers = [payload for _, payload in self._messages]
        if self._current_request is not None:
            readers.append(self._current_request.content)
        for reader in readers:
            if not reader.is_eof() and reader.exception() is None:
                reader.set_exception(RequestPayloadError("malformed body"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stalled_since = time.monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stalled_since = None

    @property
    def is_idle(self) -> bool:
        return self._current_request is None and not self._messages

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp's parser refused, or (500) a fault of ours."""
        if request.writer.output_size > 0:
            if self.transport is not None:
                reset(self.transport)
            return Sent(keep_alive=False)
        error: SidecarError
        if status >= 500:
            self.logger.error("a fault of the sidecar", exc_info=exc)
            error = SidecarError("the sidecar failed; its log says where")
        elif isinstance(exc, LineTooLong):
            long_target = "request line" in str(exc).lower()
            error = (TargetTooLong if long_target else HeadTooLarge)("the request head is too long")
        else:
            error = BadRequest("this is not a valid HTTP/1.1 request")
        if self.transport is not None:
            self.transport.write(answer_bytes(refuse(error), close=True))
        return Sent(keep_alive=False)


class ClientServer(web.Server):
    """Makes the connections and, once a second, ends those whose client is too slow."""

    def __init__(
        self,
        handler: Any,
        *,
        connections_max: int,
        head_timeout: float,
        send_timeout: float,
        body_grace: float,
        body_min_rate: int,
        **options: Any,
    ) -> None:
        super().__init__(handler, handler_cancellation=True, **options)
        self.connections_max = connections_max
        self._head_timeout = head_timeout
        self._send_timeout = send_timeout
        self._body_grace = body_grace
        self._body_min_rate = body_min_rate

    def __call__(self) -> web.RequestHandler:
        return ClientConnection(self, loop=self._loop, **self._kwargs)

    def end_slow_clients(self) -> None:
        now = time.monotonic()
        for connection in self.connections:
            assert isinstance(connection, ClientConnection)
            if connection.transport is not None:
                self._check(connection, connection.transport, now)

    def _check(
        self, connection: ClientConnection, transport: asyncio.Transport, now: float
    ) -> None:
        if connection.head_since is not None and connection.is_idle:
            # The check runs once a second: one second early is never late.
            if now - connection.head_since > self._head_timeout - 1:
                transport.close()
        elif connection.stalled_since is not None:
            if now - connection.stalled_since > self._send_timeout:
                reset(transport)
        elif connection.window is not None and self._body_min_rate:
            since, received = connection.window
            if now - since > self._body_grace:
                if connection.received - received < self._body_min_rate * (now - since):
                    error = ClientTooSlow("the request body came too slowly")
                    connection.body_reader.set_exception(error)
                connection.window = (now, connection.received)
