"""A WebSocket after its 101: bytes both ways until either side ends; nothing is parsed."""

from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.errors import EngineError
from sidecar.proxy.client import Sent
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.wire import switching_head


async def tunnel(outgoing: Outgoing, exchange: Exchange, reply: Reply, announcement: bytes) -> Sent:
    """RFC 6455 section 1.3: behind the 101 the connection is not HTTP any more."""
    await outgoing.write(switching_head(reply, announcement))
    exchange.on_write_pressure = outgoing.connection.hold_reading
    outgoing.connection.tunnel(exchange.write)
    try:
        while data := await exchange.read():
            outgoing.turn.bytes_out += len(data)
            await outgoing.write(data)
    except EngineError as error:
        outgoing.turn.error = error.message
        return outgoing.break_off()
    return Sent(keep_alive=False)
