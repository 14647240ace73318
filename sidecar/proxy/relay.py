"""The engine's reply on its way to the client, piece by piece, at the client's speed."""

from sidecar.dialects.intent import ReplyEncoder, Voice
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.errors import EngineError
from sidecar.proxy.client import Sent
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.watches import Watches
from sidecar.proxy.wire import LAST_CHUNK, chunk, reply_framing, reply_head, voice_lines, without

# Of an engine's error page that is reworded for the client, no more than this is read.
_PAGE_LIMIT = 65536


class Relay:
    """One reply. `announcement` are header lines of ours about a session."""

    def __init__(
        self, outgoing: Outgoing, voice: Voice, exchange: Exchange, watches: Watches
    ) -> None:
        self._outgoing = outgoing
        self._voice = voice
        self._exchange = exchange
        self._watches = watches
        self._encoder: ReplyEncoder | None = None
        self._chunked = False

    async def run(self, reply: Reply, announcement: bytes, *, may_keep: bool) -> Sent:
        voice = self._voice
        self._watches.head(reply)
        if voice.engine_error is not None and reply.status >= 400:
            page = await self._page()
            await self._watches.done()
            return await self._outgoing.say(voice.engine_error(reply.status, page))
        length, lines = reply.content_length, reply.lines
        extra = voice_lines(voice) + announcement
        if voice.encoder is not None:
            self._encoder = voice.encoder()
            extra += self._encoder.head(reply.content_type)
            lines = without(lines, b"content-type")
            length = None
        framing, self._chunked, keep = reply_framing(
            reply, length, to=self._outgoing.head, keep=may_keep
        )
        return await self._send(reply_head(reply, framing, extra, lines), keep=keep)

    async def _page(self) -> bytes:
        page = b""
        while len(page) < _PAGE_LIMIT and (piece := await self._exchange.read()):
            self._watches.body(piece)
            page += piece
        return page

    async def _send(self, pending: bytes, *, keep: bool) -> Sent:
        """`pending` is written with the first piece of the body: one write, not two."""
        exchange, outgoing = self._exchange, self._outgoing
        try:
            data = exchange.read_nowait()
            while True:
                pending += self._wrapped(data)
                if exchange.at_end:
                    break
                if not self._watches.holds:
                    await outgoing.write(pending)
                    pending = b""
                data = await exchange.read()
        except EngineError as error:
            return await self._break_off(error)
        await self._watches.done()
        await outgoing.write(pending + (LAST_CHUNK if self._chunked else b""))
        return outgoing.done(keep=keep)

    def _wrapped(self, data: bytes) -> bytes:
        if not data:
            return b""
        self._watches.body(data)
        self._outgoing.turn.bytes_out += len(data)
        if self._encoder is not None:
            data = self._encoder.body(data)
        return chunk(data) if self._chunked else data

    async def _break_off(self, error: EngineError) -> Sent:
        """The engine broke off: an encoded stream can say so, any other ends with a reset."""
        self._outgoing.turn.error = error.message
        if self._encoder is None:
            return self._outgoing.break_off()
        event = self._encoder.broken(error)
        await self._outgoing.write(chunk(event) + LAST_CHUNK if self._chunked else event)
        return Sent(keep_alive=False)
