"""One connection to the engine: one exchange at a time, bytes out, a reply in.

    idle --begin--> awaiting head --> body (by length | chunked | until the end) --> idle or closed
                                  \\-> tunnel (after a 101)                       --> closed

What arrives is handed to a `Sink` as it arrives; nothing is stored here but an unfinished head.
"""

import asyncio
import select
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, cast

from sidecar.engine.chunks import ChunkDecoder, ChunkError
from sidecar.engine.outbox import Outbox
from sidecar.engine.reply import HEAD_LIMIT, Reply, ReplyError


class Sink(Protocol):
    """Where a reply goes. After on_end or on_fault nothing more comes."""

    def on_interim(self, reply: Reply) -> None: ...
    def on_head(self, reply: Reply) -> None: ...
    def on_body(self, data: bytes) -> None: ...
    def on_whole(self, reply: Reply, body: bytes) -> None: ...  # all of these at once
    def on_segment(self) -> None: ...  # all that one read brought has been handed over
    def on_end(self) -> None: ...
    def on_fault(self, reason: str) -> None: ...
    def on_writable(self, writable: bool) -> None: ...


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_END = auto()
    CLOSED = auto()


# By names of the module: a look-up in the class takes 80 ns (CPython 3.11), and a request has ten.
_IDLE, _HEAD, _LENGTH, _CHUNKED, _UNTIL_END, _CLOSED = _State


class EngineConnection(asyncio.Protocol):
    """read_reply: from the bytes of a head to a Reply; raises ReplyError.

    on_idle: it may carry another exchange. on_fault: the engine did not give a whole answer, and
    somebody waited for it. on_lost: it is no more.
    """

    __slots__ = (
        "_bodyless",
        "_carry",
        "_chunks",
        "_keep_alive",
        "_need",
        "_on_fault",
        "_on_idle",
        "_on_lost",
        "_outbox",
        "_poll",
        "_read_reply",
        "_reading_paused",
        "_request_sent",
        "_sink",
        "_state",
        "_transport",
        "_unsent",
        "_upgrade",
        "idle_since",
        "streamed",
    )

    _chunks: ChunkDecoder  # of a chunked reply

    def __init__(
        self,
        read_reply: Callable[[bytes], Reply],
        on_idle: Callable[["EngineConnection"], None],
        on_fault: Callable[[], None],
        on_lost: Callable[["EngineConnection"], None],
        outbox: Outbox | None = None,
    ) -> None:
        self._read_reply = read_reply
        self._on_idle = on_idle
        self._on_fault = on_fault
        self._on_lost = on_lost
        self._outbox = outbox
        self._unsent = b""
        self._state = _IDLE
        self._sink: Sink | None = None
        self._carry = b""
        self._need = 0
        self._bodyless = False
        self._upgrade = False
        self._keep_alive = True
        self._request_sent = False
        self._reading_paused = False
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
            self._on_fault()
            sink.on_fault("closed the connection before it was asked anything")
            return
        self._state = _HEAD
        self._sink = sink
        self._bodyless = bodyless
        self._upgrade = upgrade
        self._request_sent = whole

    def write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
        elif self._outbox is None or not self._request_sent:
            # Pieces of a body go at once: the transport tells then when to wait (a GiB sent by the
            # outbox took 29 MiB and three times as long).
            self._transport.write(data)
        else:
            self._unsent = data
            self._outbox.add(self)

    def flush(self) -> None:
        """Write what waits for the end of the loop's pass."""
        if self._unsent:
            data, self._unsent = self._unsent, b""
            self._transport.write(data)

    def request_sent(self) -> None:
        """The request is complete: from now on this connection may be used again."""
        self._request_sent = True

    def end_request(self) -> None:
        """Nobody waits for the reply any more; the connection is not used again."""
        self._request_sent = False
        self._on_fault = lambda: None  # an engine that stops now does what it is told
        if not self._transport.is_closing():
            self.flush()
            self._transport.write_eof()

    def pause_reading(self) -> None:
        if not self._reading_paused and self._state is not _CLOSED:
            self._reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._reading_paused and self._state is not _CLOSED:
            self._reading_paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Leave at once; the engine sees the connection go. The sink hears nothing more."""
        self._sink = None
        self._close()

    @property
    def is_closed(self) -> bool:
        return self._state is _CLOSED

    def is_reusable(self) -> bool:
        """False when the engine has closed, or sent what nobody asked for.

        One poll (0.3 us; a recv with MSG_PEEK costs 1.4): an engine that closed its side 60 ms
        ago is always seen; one that closes in this very moment cannot be (RFC 9112 section 9.3.1
        forbids sending again).
        """
        if self._state is not _IDLE or self._transport.is_closing():
            return False
        return not self._poll.poll(0)

    # the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        try:
            self._receive(data)
        except (ReplyError, ChunkError) as error:
            self._fail(f"answered with something that is not clear HTTP: {error}")
        if self._sink is not None:
            self._sink.on_segment()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        state, self._state, self._unsent = self._state, _CLOSED, b""
        self._on_lost(self)
        if state is _UNTIL_END and error is None:
            self._take_sink().on_end()
        elif self._sink is not None:
            self._on_fault()
            before = state is _HEAD
            self._take_sink().on_fault(
                "closed the connection before answering" if before else "broke off its answer"
            )

    def pause_writing(self) -> None:
        if self._sink is not None:
            self._sink.on_writable(False)

    def resume_writing(self) -> None:
        if self._sink is not None:
            self._sink.on_writable(True)

    # the reply

    def _receive(self, data: bytes) -> None:
        state = self._state
        if state is _HEAD:
            self._receive_head(data)
        elif state is _CHUNKED:
            self._receive_chunks(data)
        elif state is _LENGTH:
            self._receive_length(data)
        elif state is _UNTIL_END:
            self._deliver(data)
        elif state is _IDLE:
            self.abort()

    def _receive_head(self, data: bytes) -> None:
        if self._unsent:
            raise ReplyError("it came before the request had left")
        data, self._carry = self._carry + data, b""
        while (end := data.find(b"\r\n\r\n")) >= 0:
            if end > HEAD_LIMIT:
                break
            reply = self._read_reply(data[: end + 4])
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
            if self._sink is not None and reply.status != 100:
                self._sink.on_interim(reply)
        if len(data) > HEAD_LIMIT:
            raise ReplyError(f"its head is longer than {HEAD_LIMIT} bytes")
        self._carry = data

    def _whole(self, reply: Reply, body: bytes) -> None:
        """Most replies come with one read."""
        sink = self._take_sink()
        self.streamed = False
        self._release(reusable=reply.keep_alive)
        sink.on_whole(reply, body)

    def _start_body(self, reply: Reply, data: bytes) -> None:
        if reply.status == 101 and not (self._upgrade and reply.websocket):
            raise ReplyError("it switches protocols, which was not asked for")
        self._keep_alive = reply.keep_alive
        self.streamed = reply.is_event_stream
        self._need = reply.content_length or 0
        if reply.status == 101:
            self._state = _UNTIL_END
        elif self._bodyless or reply.has_no_body or reply.content_length == 0:
            self._state = _LENGTH
            self._need = 0
        elif reply.chunked:
            self._state = _CHUNKED
            self._chunks = ChunkDecoder()
        else:
            self._state = _UNTIL_END if reply.content_length is None else _LENGTH
        if self._sink is not None:
            self._sink.on_head(reply)
        if data or (self._state is _LENGTH and not self._need):
            self._receive(data)

    def _receive_length(self, data: bytes) -> None:
        body = data[: self._need]
        self._need -= len(body)
        self._deliver(body)
        if not self._need:
            self._finish(clean=len(body) == len(data))

    def _receive_chunks(self, data: bytes) -> None:
        self._deliver(self._chunks.feed(data))
        if self._chunks.done:
            self._finish(clean=not self._chunks.rest)

    def _deliver(self, data: bytes) -> None:
        if data and self._sink is not None:
            self._sink.on_body(data)

    def _finish(self, *, clean: bool) -> None:
        if self._state is _CLOSED:
            return
        sink = self._take_sink()
        self._release(reusable=clean and self._keep_alive and self._request_sent)
        sink.on_end()

    def _release(self, *, reusable: bool) -> None:
        if reusable and not self._transport.is_closing():
            self._state = _IDLE
            if self._reading_paused:
                self.resume_reading()
            self._on_idle(self)
        else:
            self._close()

    def _close(self) -> None:
        self._state = _CLOSED
        self._unsent = b""
        self._transport.abort()

    def _fail(self, reason: str) -> None:
        self._close()
        if self._sink is not None:
            self._on_fault()
            self._take_sink().on_fault(reason)

    def _take_sink(self) -> Sink:
        sink, self._sink = self._sink, None
        assert sink is not None
        return sink
