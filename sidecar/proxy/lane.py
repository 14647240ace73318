"""The aiohttp lane: one request from its head to the last byte of its answer.

examine -> route -> decide (-> peek, decide again) -> store -> forward -> relay
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from sidecar.config import Settings
from sidecar.dialects.intent import (
    Answer,
    Begin,
    Close,
    Dialect,
    Intent,
    Open,
    Peek,
    Ping,
    Route,
    Use,
)
from sidecar.dialects.sagemaker.answers import refuse
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.reply import Reply
from sidecar.errors import (
    BadRequest,
    BodyTooLarge,
    EngineError,
    EngineNotReady,
    SessionNotFound,
    SidecarError,
    StoreFailed,
)
from sidecar.head import Head, examine
from sidecar.headers import Vocabulary
from sidecar.life import Life
from sidecar.proxy.body import with_session_id
from sidecar.proxy.client import ClientConnection, Sent, answer_bytes, reset
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# A body up to this size is read whole first: the engine never waits for a slow small upload.
_READ_WHOLE = 65536


class Turn:
    """What is noted about one request, for the access line."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.started = time.monotonic()
        self.first_byte: float | None = None
        self.intent = "refuse"
        self.session: str | None = None
        self.status = 0
        self.bytes_out = 0
        self.error: str | None = None


class Lane:
    def __init__(
        self,
        settings: Settings,
        dialect: Dialect,
        vocabulary: Vocabulary,
        store: Store,
        engine: Engine,
        life: Life,
        on_turn: Callable[[Turn], None],
    ) -> None:
        self._settings = settings
        self._dialect = dialect
        self._vocabulary = vocabulary
        self._store = store
        self._engine = engine
        self._life = life
        self._on_turn = on_turn

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, ClientConnection)
        connection.head_since = None
        turn = Turn(request)
        try:
            return await self._serve(request, connection, turn)
        except asyncio.CancelledError:
            turn.error = "client gone"
            raise
        finally:
            connection.window = None
            self._on_turn(turn)

    async def _serve(
        self, request: web.BaseRequest, connection: ClientConnection, turn: Turn
    ) -> Sent:
        refuse_by: Callable[[SidecarError], Answer] = refuse
        try:
            message = request._message
            version = (message.version.major, message.version.minor)
            head = examine(
                message.method, message.path, version, request.raw_headers, self._vocabulary
            )
            route = self._dialect.route(head)
            refuse_by = route.voice.refuse
            visit = _Visit(self, request, connection, turn, head, route)
            return await visit.serve()
        except SidecarError as error:
            turn.error = error.message
            return await self.answer(request, turn, refuse_by(error), error)
        except RequestPayloadError:
            broken = BadRequest("the request body is not what its framing says")
            return await self.answer(request, turn, refuse_by(broken), broken)

    async def answer(
        self, request: web.BaseRequest, turn: Turn, answer: Answer, error: SidecarError | None
    ) -> Sent:
        turn.status = answer.status
        if request.writer.output_size:  # too late to say anything: the answer is under way
            if request.transport is not None:
                reset(request.transport)
            return Sent(keep_alive=False)
        # After a refused head, or a body left unread, what follows cannot be trusted.
        unread = error is not None and not request.content.is_eof()
        close = not request.keep_alive or self._life.draining or unread or turn.intent == "refuse"
        close = close or request._message.chunked
        data = answer_bytes(answer, close=close, head_only=request.method == "HEAD")
        turn.bytes_out = len(answer.body)
        await request.writer.write(data)
        return Sent(keep_alive=not close)


class _Visit:
    """One request, once its head is accepted."""

    def __init__(
        self,
        lane: Lane,
        request: web.BaseRequest,
        connection: ClientConnection,
        turn: Turn,
        head: Head,
        route: Route,
    ) -> None:
        self.lane = lane
        self.request = request
        self.connection = connection
        self.turn = turn
        self.head = head
        self.route = route
        self.prefix = b""
        self.begun: Session | None = None
        # aiohttp 3.14.5 hands the last trailer of a chunked body to the next request as a header,
        # so a chunked request is the last of its connection.
        self.keep = request.keep_alive and not lane._life.draining and not head.chunked

    async def serve(self) -> Sent:
        lane = self.lane
        if (self.head.content_length or 0) > lane._settings.request_body_max:
            raise BodyTooLarge("the body is larger than SIDECAR_REQUEST_BODY_MAX allows")
        self.turn.intent = "undecided"
        intent = lane._dialect.decide(self.head, self.route)
        if isinstance(intent, Peek):
            intent = await self._peek(intent.limit)
        self.turn.intent = type(intent).__name__.lower()
        return await self._carry_out(intent)

    async def _peek(self, limit: int) -> Intent:
        dialect = self.lane._dialect
        self._watch_body()
        content = self.request.content
        while len(self.prefix) <= limit and not dialect.cannot_be_control(self.prefix):
            piece = await content.readany()
            if not piece:
                return dialect.decide_body(self.head, self.route, self.prefix)
            self.prefix += piece
        return dialect.decide_body(self.head, self.route, b"")

    def _watch_body(self) -> None:
        """From now on the client is expected to send its body, and not too slowly."""
        content = self.request.content
        if self.connection.window is None and not content.is_eof():
            self.connection.body_reader = content
            self.connection.window = (time.monotonic(), self.connection.received)
            if self.head.expects_continue and self.request.transport is not None:
                self.request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _carry_out(self, intent: Intent) -> Sent:
        lane, turn = self.lane, self.turn
        match intent:
            case Ping():
                return await self._ping()
            case Open():
                session = await lane._store.open(lane._settings.sessions_ttl)
                turn.session = session.id
                return await self._say(lane._dialect.opened(session))
            case Close(session_id):
                turn.session = session_id
                await lane._store.close(session_id)
                return await self._say(lane._dialect.closed(session_id))
            case Use(session_id):
                turn.session = session_id
                return await self._forward(await lane._store.get(session_id))
            case Begin():
                return await self._begin()
            case _:
                return await self._forward(None)

    async def _say(self, answer: Answer) -> Sent:
        answer = replace(answer, headers=answer.headers + self.route.voice.reply_headers)
        return await self.lane.answer(self.request, self.turn, answer, None)

    async def _ping(self) -> Sent:
        if self.lane._engine.ready and not self.lane._life.draining:
            return await self._say(Answer(200))
        why = "is draining" if self.lane._life.draining else "waits for the engine"
        raise EngineNotReady(f"the sidecar {why}: engine at {self.lane._engine.address}")

    async def _begin(self) -> Sent:
        """A session that nobody learns of is ended again."""
        self.begun = session = await self.lane._store.open(self.lane._settings.sessions_ttl)
        self.turn.session = session.id
        try:
            return await self._forward(session)
        finally:
            if self.begun is not None:
                await self._forget(session.id)

    async def _forget(self, session_id: str) -> None:
        # A session that cannot be closed ends by itself when its time is over.
        with suppress(SessionNotFound, StoreFailed):
            await self.lane._store.close(session_id)

    async def _forward(self, session: Session | None) -> Sent:
        body = await self._small_body(session)
        engine = self.lane._engine
        exchange = Exchange(engine, await engine.connection())
        exchange.on_interim = self._interim
        upload: asyncio.Task[None] | None = None
        try:
            exchange.start(
                self._upstream_head(session, body) + (body or b""),
                bodyless=self.head.method == "HEAD",
                upgrade=self.head.websocket,
            )
            if body is None:
                upload = asyncio.create_task(self._upload(exchange))
            else:
                exchange.finish_request()
            reply = await exchange.head(self.lane._settings.engine_response_timeout)
            if upload is not None and not upload.done():
                self.keep = False
            return await self._relay(exchange, reply)
        finally:
            exchange.abort()
            if upload is not None:
                upload.cancel()

    async def _small_body(self, session: Session | None) -> bytes | None:
        """The whole body where it is small or must be changed; None: it is streamed."""
        settings, head = self.lane._settings, self.head
        rewrites = session is not None and settings.session_body_path is not None
        if rewrites and head.has_body and head.content_encoding is None:
            assert session is not None and settings.session_body_path is not None
            if b"json" in (head.content_type or b"").lower():
                body = await self._read_whole(settings.body_limit)
                body = with_session_id(body, settings.session_body_path, session.id)
                head.content_length, head.chunked = len(body), False
                return body
        if not head.has_body:
            return b""
        if head.chunked or (head.content_length or 0) > _READ_WHOLE:
            return None
        return await self._read_whole(_READ_WHOLE)

    async def _read_whole(self, limit: int) -> bytes:
        if (self.head.content_length or 0) > limit:
            raise BodyTooLarge("the body is larger than SIDECAR_BODY_LIMIT allows")
        self._watch_body()
        pieces, size = [self.prefix], len(self.prefix)
        while piece := await self.request.content.readany():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise BodyTooLarge("the body is larger than SIDECAR_BODY_LIMIT allows")
        self.connection.window = None
        return b"".join(pieces)

    def _upstream_head(self, session: Session | None, body: bytes | None) -> bytes:
        head = self.head
        target = self.route.target.encode("utf-8", "surrogateescape")
        lines = self.route.lines if self.route.lines is not None else head.lines
        if body is not None and session is not None:
            lines = [line if not _is_framing(line) else b"" for line in lines]
            if head.has_body or body:
                lines.append(b"Content-Length: %d\r\n" % len(body))
        if not head.has_host:
            lines = [f"Host: {self.lane._engine.host_header}\r\n".encode(), *lines]
        if session is not None:
            lines = [*lines, self.lane._dialect.session_line(session)]
        if head.websocket:
            lines = [*lines, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"]
        start = b"%b %b HTTP/1.1\r\n" % (head.method.encode(), target)
        return b"".join((start, *lines, b"\r\n"))

    async def _upload(self, exchange: Exchange) -> None:
        self._watch_body()
        sent, limit = 0, self.lane._settings.request_body_max
        try:
            piece = self.prefix or await self.request.content.readany()
            while piece:
                sent += len(piece)
                if sent > limit:
                    raise BodyTooLarge("the body is larger than SIDECAR_REQUEST_BODY_MAX allows")
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if self.head.chunked else piece
                await exchange.send(framed)
                piece = await self.request.content.readany()
            if self.head.chunked:
                await exchange.send(b"0\r\n\r\n")
            exchange.finish_request()
            self.connection.window = None
        except SidecarError as error:
            exchange.fail(error)
        except RequestPayloadError:
            exchange.fail(BadRequest("the request body is not what its framing says"))

    def _interim(self, reply: Reply) -> None:
        if self.head.http11 and self.request.transport is not None:
            start = b"HTTP/1.1 %d %b\r\n" % (reply.status, reply.reason)
            self.request.transport.write(b"".join((start, *reply.lines, b"\r\n")))

    async def _relay(self, exchange: Exchange, reply: Reply) -> Sent:
        voice, turn = self.route.voice, self.turn
        turn.status, turn.first_byte = reply.status, time.monotonic()
        if reply.status == 101:
            return await self._tunnel(exchange, reply)
        announce = self._announcement(reply)
        if voice.engine_error is not None and reply.status >= 400:
            body = b""
            while len(body) < _READ_WHOLE and (piece := await exchange.read()):
                body += piece
            answer = voice.engine_error(reply.status, body)
            return await self._say(answer)
        encoder = voice.encoder() if voice.encoder is not None else None
        encode: Callable[[bytes], bytes] = encoder.body if encoder else _same
        bodyless = self.head.method == "HEAD" or reply.has_no_body
        length = None if encoder else reply.content_length
        lines = [b"HTTP/1.1 %d %b\r\n" % (reply.status, reply.reason)]
        if encoder is not None:
            lines.append(encoder.head(reply.content_type))
            reply.lines = [line for line in reply.lines if not _is_content_type(line)]
        lines += [*reply.lines, *_lines(voice.reply_headers), announce]
        chunked = not bodyless and length is None and self.head.http11
        if length is not None and reply.status != 204:
            lines.append(b"Content-Length: %d\r\n" % length)
        elif chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        elif not bodyless:
            self.keep = False
        if not self.keep:
            lines.append(b"Connection: close\r\n")
        elif not self.head.http11:
            lines.append(b"Connection: keep-alive\r\n")
        lines.append(b"\r\n")
        return await self._send_body(exchange, b"".join(lines), chunked, encode, encoder)

    def _announcement(self, reply: Reply) -> bytes:
        session = self.begun
        if session is None or reply.status >= 500:
            return b""
        self.begun = None
        return self.lane._dialect.announcement(session)

    async def _send_body(
        self,
        exchange: Exchange,
        pending: bytes,
        chunked: bool,
        encode: Callable[[bytes], bytes],
        encoder: Any,
    ) -> Sent:
        write = self.request.writer.write
        try:
            data = exchange.read_nowait()
            while True:
                if data:
                    self.turn.bytes_out += len(data)
                    data = encode(data)
                    pending += b"%x\r\n%b\r\n" % (len(data), data) if chunked else data
                if exchange.at_end:
                    break
                await write(pending)
                await self.request.writer.drain()
                pending = b""
                data = await exchange.read()
        except EngineError as error:
            return await self._broken(error, encoder)
        await write(pending + (b"0\r\n\r\n" if chunked else b""))
        return Sent(keep_alive=self.keep)

    async def _broken(self, error: EngineError, encoder: Any) -> Sent:
        self.turn.error = error.message
        transport = self.request.transport
        if transport is not None and encoder is not None:
            event = encoder.broken(error)
            await self.request.writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(event), event))
        elif transport is not None:
            reset(transport)
        return Sent(keep_alive=False)

    async def _tunnel(self, exchange: Exchange, reply: Reply) -> Sent:
        """Bytes both ways until either side ends; nothing is parsed (RFC 6455)."""
        start = b"HTTP/1.1 101 %b\r\n" % reply.reason
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        await self.request.writer.write(b"".join((start, *reply.lines, upgrade)))
        self.connection.set_parser(_Upward(exchange))  # type: ignore[arg-type]
        try:
            while data := await exchange.read():
                self.turn.bytes_out += len(data)
                await self.request.writer.write(data)
                await self.request.writer.drain()
        except EngineError:
            if self.request.transport is not None:
                reset(self.request.transport)
        return Sent(keep_alive=False)


class _Upward:
    """Stands where aiohttp has its WebSocket parser: passes the client's bytes on."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._exchange.write(data)
        return False, b""

    def feed_eof(self) -> None:
        self._exchange.abort()


def _lines(headers: tuple[tuple[str, str], ...]) -> list[bytes]:
    return [f"{name}: {value}\r\n".encode() for name, value in headers]


def _same(data: bytes) -> bytes:
    return data


def _is_framing(line: bytes) -> bool:
    return line.partition(b":")[0].lower() in (b"content-length", b"transfer-encoding")


def _is_content_type(line: bytes) -> bool:
    return line.partition(b":")[0].lower() == b"content-type"
