"""Where one request ends and the next begins, in what a client sends. For both lanes.

    head --(no body)--> head
         --> body, by length or chunked --> head

aiohttp's parser sees heads only. Its own framing hands the last trailer of a chunked request to
the next request as a header, and leaves the reader of a malformed body waiting (aiohttp 3.14.5).
"""

from aiohttp.http_parser import RawRequestMessage

from sidecar.engine.chunks import ChunkDecoder, ChunkError
from sidecar.errors import BadRequest, HeadTooLarge, SidecarError
from sidecar.proxy.parser import HEAD_LIMIT, HeadParser
from sidecar.proxy.plan import Plan
from sidecar.proxy.planner import Planner

_BLANK = b"\r\n"


class Framer:
    """Feed it what arrives, in order; `rest` is what has arrived and is not used yet."""

    __slots__ = ("_chunks", "_need", "_planner", "_watch", "_whole", "in_body", "rest")

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._watch: HeadParser | None = None
        self._chunks: ChunkDecoder | None = None
        self._need = 0
        self.in_body = False
        self.rest = b""
        self._whole = b""

    def feed_head(self, data: bytes) -> Plan | None:
        """The plan for the next head, once it is complete; what follows it is in `rest`."""
        fresh = data
        if self.rest:
            data = self.rest + data
        while data.startswith(_BLANK):  # RFC 9112 section 2.2: tolerate empty lines before
            data = data[2:]
            fresh = data
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or end > HEAD_LIMIT:
            self.rest = data
            return self._check_unfinished(fresh)
        self._watch = None
        plan = self._planner.plan(data[:end])
        rest = data[end:]
        self.rest = self._whole = b""
        if plan.length == len(rest):
            self._whole = rest
        else:
            self._begin_body(plan.length, rest)
        return plan

    def message(self, plan: Plan) -> RawRequestMessage:
        """What aiohttp's parser says of an accepted head."""
        return plan.message or self._planner.parse(plan.raw)

    def feed_body(self, data: bytes) -> bytes:
        """The payload in `data`; behind the body's end `in_body` is False. Raises BadRequest."""
        if self._chunks is not None:
            try:
                payload = self._chunks.feed(data)
            except ChunkError:
                raise BadRequest("the request body is not valid chunked coding") from None
            if self._chunks.done:
                self.rest = self._chunks.rest
                self.in_body = False
            return payload
        if len(data) < self._need:
            self._need -= len(data)
            return data
        self.in_body = False
        self.rest = data[self._need :]
        return data[: self._need] if self.rest else data

    def take_whole(self) -> bytes:
        """The body, when all of it came with the head. Once: an idle connection must not keep its
        last prompt."""
        whole, self._whole = self._whole, b""
        return whole

    def take_rest(self) -> bytes:
        rest, self.rest = self.rest, b""
        return rest

    def _begin_body(self, length: int, rest: bytes) -> None:
        if 0 <= length < len(rest):
            self._whole, self.rest = rest[:length], rest[length:]
            return
        self._chunks = ChunkDecoder() if length < 0 else None
        self._need = length
        self.in_body = True
        self.rest = rest

    def _check_unfinished(self, fresh: bytes) -> Plan | None:
        """Refuse at once what can never become a head: its sender may wait for an answer."""
        if not self.rest or self.rest == b"\r":
            return None
        if self._watch is None:
            self._watch = self._planner.parser()
            fresh = self.rest
        try:
            message = self._watch.feed(fresh)
        except SidecarError as error:
            return self._planner.refused(error)
        # After the parser: what it objects to must not depend on how the bytes were cut.
        if len(self.rest) > HEAD_LIMIT:
            return self._planner.refused(HeadTooLarge("the request head is too long"))
        if message is None:
            return None
        return self._planner.refused(BadRequest("the request head has no clear end"), message)
