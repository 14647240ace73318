"""The way back to the client in the aiohttp lane: answers of ours, and what all writing shares."""

from aiohttp import web

from sidecar.dialects.intent import Answer, Stream
from sidecar.engine.reply import Reply
from sidecar.life import Life
from sidecar.proxy.client import ClientConnection, Sent
from sidecar.proxy.plan import Plan
from sidecar.proxy.reset import reset
from sidecar.proxy.wire import LAST_CHUNK, answer_bytes, chunk, interim_head, stream_head
from sidecar.turn import Turn


class Outgoing:
    def __init__(
        self,
        connection: ClientConnection,
        request: web.BaseRequest,
        plan: Plan,
        turn: Turn,
        life: Life,
    ) -> None:
        self.connection = connection
        assert plan.head is not None
        self.head = plan.head
        self._plan = plan
        self.turn = turn
        self._request = request
        self._life = life

    @property
    def may_keep(self) -> bool:
        """Whether the connection may be used again, as far as client and sidecar wish."""
        return bool(self._request.keep_alive) and not self._life.draining

    @property
    def has_begun(self) -> bool:
        return self._request.writer.output_size > 0

    async def write(self, data: bytes) -> None:
        """Write, and wait until the client takes it. Raises ConnectionError when it is gone."""
        await self._request.writer.write(data)
        await self._request.writer.drain()

    async def say(self, answer: Answer) -> Sent:
        """Give a complete answer of ours."""
        self.turn.status, self.turn.bytes_out = answer.status, len(answer.body)
        read = self._request.content.at_eof() and not self._plan.streams
        keep = self.may_keep and read
        await self.write(answer_bytes(answer, close=not keep, head_only=self.head.method == "HEAD"))
        return self.done(keep=keep)

    async def stream(self, stream: Stream) -> Sent:
        """Give an answer of ours piece by piece."""
        self.turn.status = stream.status
        keep = self.may_keep and self.head.http11 and self._request.content.at_eof()
        framing = b"Transfer-Encoding: chunked\r\n" if self.head.http11 else b""
        head = stream_head(stream, framing if keep else framing + b"Connection: close\r\n")
        try:
            await self.write(head)
            async for piece in stream.pieces:
                self.turn.bytes_out += len(piece)
                await self.write(chunk(piece) if self.head.http11 else piece)
            if self.head.http11:
                await self.write(LAST_CHUNK)
        finally:
            await stream.pieces.aclose()
        return self.done(keep=keep)

    def done(self, *, keep: bool) -> Sent:
        """All is written. What still comes on an ended connection is read and dropped."""
        if not keep:
            self.connection.end()
        return Sent(keep_alive=keep)

    def break_off(self) -> Sent:
        """The client must not take what it has got for the whole."""
        if self._request.transport is not None:
            reset(self._request.transport)
        return Sent(keep_alive=False)

    def pass_interim(self, reply: Reply) -> None:
        if self.head.http11 and self._request.transport is not None:
            self._request.transport.write(interim_head(reply))
