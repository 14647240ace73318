"""One call of the engine for a task, and what its answer is to the SDKs."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.dialects.inferencesh.errors import CallFailed, WorkerGone, without_word
from sidecar.engine.call import request_bytes
from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError, EngineTimeout

AS_JSON: Final = (b"Content-Type: application/json\r\n", b"Accept-Encoding: identity\r\n")
_WORDS: Final = 300
# A process that dies closes what it has open one by one; its port may be the last.
_LOOKS: Final = (0.0, 0.05, 0.2)


@asynccontextmanager
async def asked(
    engine: Engine, request: EngineRequest, *, within: float | None
) -> AsyncIterator[tuple[Reply, Exchange]]:
    """A good reply's head, and its body to be read. within: seconds to the first byte.

    It is sent once: an engine that broke off may have done its work. Raises CallFailed, or
    WorkerGone where nobody listens any more.
    """
    exchange = Exchange(engine, await _connected(engine))
    try:
        exchange.start(request_bytes(engine, request))
        exchange.finish_request()
        reply = await exchange.head(within)
        if not 200 <= reply.status < 300:
            page = without_word(await _page(exchange))
            raise CallFailed(f"upstream answered HTTP {reply.status}: {page}")
        yield reply, exchange
    except EngineTimeout:
        raise CallFailed(f"upstream did not answer within {within:g}s") from None
    except EngineError as error:
        if await _is_gone(engine):
            raise WorkerGone(error.message) from None
        raise CallFailed("upstream broke off its answer") from None
    finally:
        exchange.abort()


async def whole(exchange: Exchange, limit: int) -> bytes:
    pieces, size = [], 0
    while piece := await exchange.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise CallFailed(f"upstream answered with more than {limit} bytes")
    return b"".join(pieces)


def output_of(reply: Reply, body: bytes) -> Any:
    """JSON as it is, text as text, anything else as a file with its bytes inside."""
    content_type = (reply.content_type or b"application/octet-stream").decode("latin-1")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise CallFailed("upstream answered with JSON that cannot be read") from None
    if kind.startswith("text/"):
        return body.decode("utf-8", "replace")
    data = base64.b64encode(body).decode()
    return {"uri": f"data:{kind};base64,{data}", "content_type": kind, "size": len(body)}


def _no_number(name: str) -> None:
    """NaN and Infinity are no JSON (RFC 8259); JavaScript's SDK would refuse the line."""


async def _connected(engine: Engine) -> EngineConnection:
    try:
        return await engine.connect()
    except EngineError as error:
        if error.is_gone:
            raise WorkerGone(error.message) from None
        raise CallFailed(f"worker unreachable: {without_word(error.message)}") from None


async def _is_gone(engine: Engine) -> bool:
    for wait in _LOOKS:
        await asyncio.sleep(wait)
        try:
            connection = await engine.knock()
        except EngineError as error:
            return error.is_gone
        connection.abort()
    return False


async def _page(exchange: Exchange) -> str:
    page = b""
    while len(page) < _WORDS and (piece := await exchange.read()):
        page += piece
    return page[:_WORDS].decode("utf-8", "replace").strip()
