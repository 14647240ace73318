"""A request's body in the aiohttp lane: peeked at, read whole, or streamed on to the engine."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from sidecar.engine.exchange import Exchange
from sidecar.errors import BodyTooLarge, SidecarError
from sidecar.head import Head
from sidecar.headers import is_coded, is_json
from sidecar.proxy.client import ClientConnection
from sidecar.proxy.plan import SMALL
from sidecar.proxy.wire import CONTINUE, LAST_CHUNK, chunk


class RequestBody:
    def __init__(
        self, connection: ClientConnection, request: web.BaseRequest, head: Head, limit: int
    ) -> None:
        self._connection = connection
        self._request = request
        self._head = head
        self._limit = limit
        self._prefix = b""
        self._upload: asyncio.Task[None] | None = None

    @property
    def is_json(self) -> bool:
        """True when it can be looked into: not compressed, and said to be JSON."""
        head = self._head
        return head.has_body and not is_coded(head.content_encoding) and is_json(head.content_type)

    @property
    def is_sent(self) -> bool:
        return self._upload is None or self._upload.done()

    async def peek(self, limit: int, useless: Callable[[bytes], bool]) -> bytes:
        """The whole body if it is at most `limit` bytes long and `useless` does not stop it.

        b"" otherwise; what has been read is kept for the engine.
        """
        self._want()
        while len(self._prefix) <= limit and not useless(self._prefix):
            piece = await self._request.content.readany()
            if not piece:
                return self._prefix
            self._prefix += piece
        return b""

    async def read_small(self) -> bytes | None:
        """The whole body when its length is known and small; None: it is to be streamed."""
        if not self._head.has_body:
            return b""
        if self._head.chunked or (self._head.content_length or 0) > SMALL:
            return None
        return await self.read(SMALL)

    @property
    def known(self) -> bytes | None:
        """The whole body, if it has been read."""
        return self._prefix if not self._head.has_body or self._request.content.at_eof() else None

    async def read(self, limit: int, limited_by: str = "SIDECAR_BODY_LIMIT") -> bytes:
        """The whole body, however often it is asked for. Raises BodyTooLarge."""
        if (self._head.content_length or 0) > limit:
            raise _too_large(limited_by)
        self._want()
        pieces, size = [self._prefix], len(self._prefix)
        while size <= limit and (piece := await self._request.content.readany()):
            pieces.append(piece)
            size += len(piece)
        if size > limit:
            raise _too_large(limited_by)
        self._connection.pace.body_done()
        self._prefix = b"".join(pieces)
        return self._prefix

    def start_upload(self, exchange: Exchange) -> None:
        self._upload = asyncio.create_task(self._stream(exchange))

    def stop_upload(self) -> None:
        if self._upload is not None:
            self._upload.cancel()

    async def _stream(self, exchange: Exchange) -> None:
        try:
            await self._pass_on(exchange)
        except SidecarError as error:
            exchange.fail(error)
        else:
            exchange.finish_request()
            self._connection.pace.body_done()

    async def _pass_on(self, exchange: Exchange) -> None:
        self._want()
        sent, chunked = 0, self._head.chunked
        piece = self._prefix or await self._request.content.readany()
        while piece:
            sent += len(piece)
            if sent > self._limit:
                raise _too_large("SIDECAR_REQUEST_BODY_MAX")
            await exchange.send(chunk(piece) if chunked else piece)
            piece = await self._request.content.readany()
        if chunked:
            await exchange.send(LAST_CHUNK)

    def _want(self) -> None:
        """From now on the client is expected to send its body, and not too slowly."""
        if not self._connection.body_is_awaited or not self._connection.pace.want_body():
            return
        if self._head.expects_continue and self._request.transport is not None:
            self._request.transport.write(CONTINUE)


def _too_large(setting: str) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {setting} allows")
