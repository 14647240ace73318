"""One call of the engine for a task, and what its answer is to the SDKs."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.engine.call import request_bytes
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError

_WORDS: Final = 300


class CallFailed(Exception):
    """The task has failed; the text is its error."""


class WorkerGone(Exception):
    """The engine could not be reached, or broke off: whatever it kept is lost."""


@asynccontextmanager
async def asked(engine: Engine, request: EngineRequest) -> AsyncIterator[tuple[Reply, Exchange]]:
    """A good reply's head, and its body to be read. Raises CallFailed or WorkerGone."""
    try:
        exchange = Exchange(engine, await engine.connect())
    except EngineError as error:
        raise WorkerGone(error.message) from None
    try:
        exchange.start(request_bytes(engine, request))
        exchange.finish_request()
        reply = await exchange.head()
        if not 200 <= reply.status < 300:
            page = await _page(exchange)
            raise CallFailed(f"upstream answered HTTP {reply.status}: {page}")
        yield reply, exchange
    except EngineError as error:
        raise WorkerGone(error.message) from None
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
            return json.loads(body)
        except (ValueError, RecursionError):
            raise CallFailed("upstream answered with JSON that cannot be read") from None
    if kind.startswith("text/"):
        return body.decode("utf-8", "replace")
    data = base64.b64encode(body).decode()
    return {"uri": f"data:{kind};base64,{data}", "content_type": kind, "size": len(body)}


async def _page(exchange: Exchange) -> str:
    page = b""
    while len(page) < _WORDS and (piece := await exchange.read()):
        page += piece
    return page[:_WORDS].decode("utf-8", "replace").strip()
