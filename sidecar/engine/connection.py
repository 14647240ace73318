"""One connection to the engine: one exchange at a time, bytes out, a reply in.

    idle --begin--> awaiting head --> body (bodies.py says where it ends) --> idle or closed
                                  \\-> tunnel (after a 101)                --> closed

What arrives is handed to a `Sink` as it arrives; nothing is stored here but an unfinished head.
The socket itself is in wire.py, and who hears of idle and lost connections in owner.py.
"""

from dataclasses import replace
from enum import Enum, auto

from sidecar.engine.bodies import UNTIL_END, Body, body_of
from sidecar.engine.chunks import ChunkError
from sidecar.engine.owner import Owner
from sidecar.engine.reply import HEAD_LIMIT, Reply, ReplyError
from sidecar.engine.sink import Sink
from sidecar.engine.wire import EngineWire


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    CLOSED = auto()


# By names of the module: a look-up in the class takes 80 ns (CPython 3.11), and a request has ten.
_IDLE, _HEAD, _BODY, _CLOSED = _State


class EngineConnection(EngineWire):
    __slots__ = (
        "_body",
        "_bodyless",
        "_carry",
        "_interim",
        "_keep_alive",
        "_owner",
        "_sink",
        "_state",
        "_upgrade",
        "_writing_paused",
        "idle_since",
        "streamed",
    )

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner.outbox)
        self._owner = owner
        self._state = _IDLE
        self._sink: Sink | None = None
        self._carry = b""
        self._interim = 0  # bytes of the interim replies to this request
        self._writing_paused = False
        self._body: Body = UNTIL_END
        self._bodyless = False
        self._upgrade = False
        self._keep_alive = True
        self.idle_since = 0.0
        self.streamed = False  # the last reply was an event stream

    # the caller's side

    def begin(
        self, sink: Sink, *, whole: bool = False, bodyless: bool = False, upgrade: bool = False
    ) -> None:
        """Start an exchange. whole: the request leaves in one write, so nothing tells its end;
        bodyless: the reply to HEAD; upgrade: a 101 was asked for.

        The sink hears of a fault at once when the engine has hung up, or spoken, unasked.
        """
        if self._state is not _IDLE:
            self._owner.on_fault()
            sink.on_fault("closed the connection before it was asked anything")
            return
        self._state = _HEAD
        self._sink = sink
        self._bodyless = bodyless
        self._upgrade = upgrade
        self._interim = 0
        self._request_sent = whole

    def request_sent(self) -> None:
        """The request is complete: from now on this connection may be used again."""
        self._request_sent = True

    def end_request(self) -> None:
        """Nobody waits for the reply any more; the connection is not used again."""
        self._request_sent = False
        # An engine that stops now does what it is told.
        self._owner = replace(self._owner, on_fault=lambda: None)
        if not self._transport.is_closing():
            self.flush()
            self._transport.write_eof()

    def abort(self) -> None:
        """Leave at once; the engine sees the connection go. The sink hears nothing more."""
        self._sink = None
        self._close()

    @property
    def is_closed(self) -> bool:
        return self._state is _CLOSED

    # the loop's side

    def data_received(self, data: bytes) -> None:
        state = self._state
        try:
            if state is _HEAD:
                self._receive_head(data)
            elif state is _BODY:
                self._receive_body(data)
            elif state is _IDLE:
                self.abort()
        except (ReplyError, ChunkError) as error:
            self._fail(f"answered with something that is not clear HTTP: {error}")
        if self._sink is not None:
            self._sink.on_segment()

    def eof_received(self) -> None:
        """All is said. To close would wait until the engine has taken the rest of the request."""
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self._sink is not None and (rest := self._left_unread()):
            self.data_received(rest)
        state, self._state, self._unsent = self._state, _CLOSED, b""
        self._owner.on_lost(self)
        if self._sink is None:
            return
        if state is _BODY and self._body is UNTIL_END and error is None:
            self._take_sink().on_end()
            return
        reason = (
            "closed the connection before answering" if state is _HEAD else "broke off its answer"
        )
        self._owner.on_fault()
        self._take_sink().on_fault(reason)

    def pause_writing(self) -> None:
        self._writing_paused = True
        if self._sink is not None:
            self._sink.on_writable(False)

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._sink is not None:
            self._sink.on_writable(True)

    # the reply

    def _receive_head(self, data: bytes) -> None:
        if self._unsent:
            raise ReplyError("it came before the request had left")
        data, self._carry = self._carry + data, b""
        while (end := data.find(b"\r\n\r\n")) >= 0:
            if end > HEAD_LIMIT:
                break
            reply = self._owner.read_reply(data[: end + 4])
            data = data[end + 4 :]
            if (
                reply.content_length == len(data)
                and self._request_sent
                and not (self._bodyless or reply.has_no_body)
            ):
                self._whole(reply, data)
                return
            if not reply.is_interim:
                self._start_body(reply, data)
                return
            self._take_interim(reply, end + 4)
        if len(data) > HEAD_LIMIT + 3:  # which may be the beginning of its end
            raise ReplyError(f"its head is longer than {HEAD_LIMIT} bytes")
        self._carry = data

    def _take_interim(self, reply: Reply, size: int) -> None:
        """All together are no longer than a head may be: what of them a client does not take is
        kept for it."""
        self._interim += size
        if self._interim > HEAD_LIMIT:
            raise ReplyError(f"its interim replies are longer than {HEAD_LIMIT} bytes")
        if self._sink is not None and reply.status != 100:
            self._sink.on_interim(reply)

    def _whole(self, reply: Reply, body: bytes) -> None:
        """Most replies come with one read: no call here that can be left out."""
        sink, self._sink = self._sink, None
        assert sink is not None
        self.streamed = False
        self._release(reusable=reply.keep_alive)
        sink.on_whole(reply, body)

    def _start_body(self, reply: Reply, data: bytes) -> None:
        if reply.status == 101 and not (self._upgrade and reply.websocket):
            raise ReplyError("it switches protocols, which was not asked for")
        self._keep_alive = reply.keep_alive
        self.streamed = reply.content_length is None and reply.is_event_stream
        self._state = _BODY
        self._body = body_of(reply, bodyless=self._bodyless)
        if self._sink is not None:
            self._sink.on_head(reply)
        if data or self._body.done:
            self._receive_body(data)

    def _receive_body(self, data: bytes) -> None:
        body = self._body
        payload = body.feed(data)
        if payload and self._sink is not None:
            self._sink.on_body(payload)
        if body.done and self._sink is not None:
            self._finish(clean=not body.rest)

    def _finish(self, *, clean: bool) -> None:
        sink = self._take_sink()
        self._body = UNTIL_END
        self._release(reusable=clean and self._keep_alive and self._request_sent)
        sink.on_end()

    def _release(self, *, reusable: bool) -> None:
        # Behind a request that has not left the next one would wait, and nobody hold it back.
        if reusable and not (self._writing_paused or self._transport.is_closing()):
            self._state = _IDLE
            if self._reading_paused:
                self.resume_reading()
            self._owner.on_idle(self)
        else:
            self._close()

    def _close(self) -> None:
        self._state = _CLOSED
        self._unsent = b""
        self._transport.abort()

    def _fail(self, reason: str) -> None:
        self._close()
        if self._sink is not None:
            self._owner.on_fault()
            self._take_sink().on_fault(reason)

    def _take_sink(self) -> Sink:
        sink, self._sink = self._sink, None
        assert sink is not None
        return sink
