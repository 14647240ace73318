"""The engine's side of a request in the express lane: where its reply arrives."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.engine.reply import Reply
from sidecar.errors import SidecarError
from sidecar.proxy.action import is_announced
from sidecar.proxy.express.step import step
from sidecar.proxy.way import Way, find_way
from sidecar.proxy.wire import LAST_CHUNK, chunk, interim_head, kept_head, reply_framing, reply_head
from sidecar.sessions.session import Session

if TYPE_CHECKING:
    from sidecar.proxy.express.connection import ExpressConnection

logger = logging.getLogger("sidecar.proxy")


class Forward:
    """One per client connection, used for one request after the other. A `Sink`."""

    __slots__ = (
        "_begun",
        "_chunked",
        "_client",
        "_connecting",
        "_engine",
        "_keep",
        "_out",
        "_replying",
        "_unsent",
        "_upstream",
    )

    def __init__(self, client: "ExpressConnection") -> None:
        self._client = client
        self._engine = client.house.replicas.engines[0]
        self._upstream: EngineConnection | None = None
        self._connecting: asyncio.Task[Way] | None = None
        self._unsent = b""  # while connecting
        self._out = b""  # of the reply, until the segment's end
        self._begun: Session | None = None  # made for this request, and not announced yet
        self._replying = False  # something of the reply has been written
        self._chunked = False
        self._keep = False

    # the client's side

    def start(
        self, engine: Engine, request: bytes, session: Session | None, *, is_new: bool = False
    ) -> None:
        """Send a request's head, and what is known of its body."""
        self._begun = session if is_new else None
        self._replying = False
        self._engine = engine
        upstream = engine.take_idle()
        if upstream is not None:
            self._use(upstream, request)
            return
        self._unsent = request
        self._client.hold_reading(True)
        way = find_way(self._client.house, engine, session, is_new=is_new)
        self._connecting = asyncio.get_running_loop().create_task(way)
        self._connecting.add_done_callback(self._connected)

    def send(self, data: bytes) -> None:
        if self._upstream is not None:
            self._upstream.write(data)
        elif self._connecting is not None:
            self._unsent += data

    def request_sent(self) -> None:
        if self._upstream is not None:
            self._upstream.request_sent()

    @property
    def is_open(self) -> bool:
        return self._upstream is not None or self._connecting is not None

    @property
    def is_replying(self) -> bool:
        return self._replying

    def abort(self) -> None:
        """Leave at once; the engine sees the connection go."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._upstream is not None:
            self._upstream.abort()
            self._upstream = None
        self._out = self._unsent = b""
        self._forget()

    def hold(self, hold: bool) -> None:
        """The client does not take what is written: stop reading from the engine."""
        if self._upstream is not None:
            (self._upstream.pause_reading if hold else self._upstream.resume_reading)()

    def check(self, now: float, limit: float | None) -> None:
        """Give up on an engine that has not begun to answer in time."""
        if limit is None or self._replying or self._upstream is None:
            return
        if now - (self._client.turn.forwarded or now) > limit:
            self._fail(self._engine.too_slow(limit))

    # the engine's side

    def on_interim(self, reply: Reply) -> None:
        self._client.write(interim_head(reply))

    def on_head(self, reply: Reply) -> None:
        client = self._client
        turn = client.turn
        turn.status, turn.first_byte = reply.status, time.monotonic()
        announcement = b""
        if self._begun is not None and is_announced(reply.status):
            announcement = client.route.dialect.announcement(self._begun)
        framing, self._chunked, self._keep = reply_framing(
            reply, reply.content_length, to=client.head, keep=client.may_keep
        )
        self._out += reply_head(reply, framing, announcement)

    def on_whole(self, reply: Reply, body: bytes) -> None:
        client = self._client
        if self._begun is not None or reply.status == 204 or not client.may_keep:
            self.on_head(reply)
            self.on_body(body)
            self.on_end()
            return
        self._upstream = None
        turn = client.turn
        turn.status, turn.first_byte, turn.bytes_out = reply.status, time.monotonic(), len(body)
        client.write((reply.kept_head or kept_head(reply)) + body)
        client.replied(keep=True)

    def on_body(self, data: bytes) -> None:
        self._client.turn.bytes_out += len(data)
        self._out += chunk(data) if self._chunked else data

    def on_segment(self) -> None:
        if self._out:
            self._flush()

    def on_end(self) -> None:
        self._upstream = None
        if self._chunked:
            self._out += LAST_CHUNK
        self._flush()
        self._client.replied(keep=self._keep)

    def on_fault(self, reason: str) -> None:
        self._upstream = None
        self._fail(self._engine.fault(reason))

    def on_writable(self, writable: bool) -> None:
        self._client.hold_reading(not writable)

    def _use(self, upstream: EngineConnection, request: bytes) -> None:
        client = self._client
        self._upstream = upstream
        upstream.begin(
            self, whole=not client.body_is_awaited, bodyless=client.head.method == "HEAD"
        )
        if self._upstream is None:  # it has broken at once
            return
        turn = client.turn
        turn.forwarded, turn.replica = time.monotonic(), self._engine.name
        upstream.write(request)

    def _connected(self, task: "asyncio.Task[Way]") -> None:
        if task is not self._connecting:  # the client has gone meanwhile
            if not task.cancelled() and task.exception() is None:
                task.result().connection.abort()
            return
        self._connecting = None
        request, self._unsent = self._unsent, b""
        error = task.exception()
        if error is None:
            self._engine, connection, _ = task.result()
            self._use(connection, request)
            self._client.hold_reading(False)
        elif isinstance(error, SidecarError):
            self._fail(error)
        else:
            logger.error("a fault of the sidecar", exc_info=error)
            self._fail(SidecarError("the sidecar failed; its log says where"))

    def _flush(self) -> None:
        """A session is announced with the first bytes: until then it may still be forgotten."""
        if not self._replying:
            self._replying = True
            if is_announced(self._client.turn.status):
                self._begun = None
            else:
                self._forget()
        out, self._out = self._out, b""
        self._client.write(out)

    def _fail(self, error: SidecarError) -> None:
        replying = self._replying
        self.abort()
        if replying:
            self._client.break_off(error)
        else:
            self._client.refuse(error)

    def _forget(self) -> None:
        if self._begun is not None:
            begun, self._begun = self._begun, None
            step(self._client.house.keeper.forget(begun.id))
