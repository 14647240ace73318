"""One turn with the agent: its request goes out, its answer is recorded."""

from typing import Final

from sidecar.dialects.agentcore.runtime.lines import from_agent
from sidecar.dialects.agentcore.runtime.record import Interrupted, Record, Start
from sidecar.engine.call import request_bytes
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError

_JSON: Final = "application/json"
# Of what the agent says about its own error, so much is passed on.
_WORDS: Final = 2000
_PAGE: Final = 65536


async def run(
    engine: Engine, request: EngineRequest, record: Record, *, within: float | None
) -> None:
    """The record is finished by whoever calls. Raises EngineError before anything was sent, and
    Interrupted when the agent may have begun. `within`: seconds until its answer must begin."""
    exchange = Exchange(engine, await engine.connect())
    try:
        exchange.start(request_bytes(engine, request))
        exchange.finish_request()
        reply = await exchange.head(within)
        if not 200 <= reply.status < 300:
            raise Interrupted(await _masked(engine, exchange, reply))
        content_type = (reply.content_type or _JSON.encode()).decode("latin-1")
        # RFC 9112 section 6.1: a 204 has no framing, and this answer is a stream.
        status = 200 if reply.has_no_body else reply.status
        record.begin(Start(status, content_type, from_agent(reply)))
        while piece := await exchange.read():
            await record.add(piece)
    except EngineError as error:
        raise Interrupted(error.message) from None
    finally:
        exchange.abort()


async def _masked(engine: Engine, exchange: Exchange, reply: Reply) -> str:
    """The service hides what the agent said; its users ask for just that."""
    page = b""
    while len(page) < _PAGE and (piece := await exchange.read()):
        page += piece
    words = page[:_WORDS].decode("utf-8", "replace").strip()
    return f"Received error ({reply.status}) from runtime at {engine.address}: {words}"
