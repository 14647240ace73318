"""A call of our own to the engine, such as one of its session API: a small reply, read whole."""

import asyncio

from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError


async def call(
    engine: Engine, request: EngineRequest, *, within: float, limit: int
) -> tuple[Reply, bytes]:
    """The reply and its body, of which at most `limit` bytes are taken.

    `within`: seconds. A fresh connection: that of an idle one may just have been closed, and a
    call that is no GET is never sent twice. Raises EngineError, EngineNotReady or EngineTimeout.
    """
    try:
        async with asyncio.timeout(within):
            exchange = Exchange(engine, await engine.connect())
            try:
                exchange.start(request_bytes(engine, request))
                exchange.finish_request()
                reply = await exchange.head()
                return reply, await _body(engine, exchange, limit)
            finally:
                exchange.abort()
    except TimeoutError:
        raise engine.too_slow(within) from None


def request_bytes(engine: Engine, request: EngineRequest) -> bytes:
    """The request as it is sent on a connection of its own; its body is whole."""
    body = request.body or b""
    head = (
        f"{request.method} {request.target} HTTP/1.1\r\n"
        f"Host: {engine.host_header}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n"
    ).encode()
    return b"".join((head, *request.lines, b"\r\n", body))


async def _body(engine: Engine, exchange: Exchange, limit: int) -> bytes:
    pieces, size = [], 0
    while piece := await exchange.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise EngineError(f"the engine at {engine.address} answered with too much to read")
    return b"".join(pieces)
