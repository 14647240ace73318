"""What a reply tells of the engine's session: that it is unknown, and what is to be carried on."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from sidecar.delegation.grammar.condition import Condition
from sidecar.delegation.grammar.expression import Headers
from sidecar.delegation.sse import Events
from sidecar.delegation.view import headers_of, message_of, reply_view
from sidecar.engine.companion import EngineForgot
from sidecar.engine.reply import Reply

# An error page is held back until it is known what it says, but no more of it than this.
HELD = 65536
# Read for `carry`: Ollama's context of 128k tokens is about 1 MiB of JSON.
READ_LIMIT = 4 * 1024 * 1024

View = dict[str, Any]


class ReplyWatch:
    """A `Watch`. on_good: told of a complete good reply; of None when it could not be read."""

    def __init__(
        self,
        session_id: str,
        unknown: tuple[Condition, ...],
        *,
        reads: bool,
        on_good: Callable[[View | None], Awaitable[None]],
    ) -> None:
        self.holds = False
        self._session_id = session_id
        self._unknown = unknown
        self._reads = reads
        self._on_good = on_good
        self._status = 0
        self._headers = Headers()
        self._body: bytearray | None = None
        self._size = 0
        self._limit = HELD
        self._events: Events | None = None
        self._last: bytes | None = None
        self._failed = False  # the stream says so itself
        self._unreadable = False

    def head(self, reply: Reply) -> None:
        self._status, self._headers = reply.status, headers_of(reply.lines)
        by_line = self._headers.get("content-type", "").lower().startswith("application/x-ndjson")
        good = 200 <= reply.status < 300
        if self._headers.get("content-encoding", "identity").lower() != "identity":
            self._unreadable = True
        elif any(condition.may_hold(reply.status) for condition in self._unknown):
            self.holds, self._body = True, bytearray()
            self._limit = READ_LIMIT if good else HELD
        elif good and (reply.is_event_stream or by_line):
            self.holds = bool(self._unknown)
            self._events = Events(by_line=by_line, limit=READ_LIMIT)
        elif good and self._reads:
            self._body, self._limit = bytearray(), READ_LIMIT

    def body(self, data: bytes) -> None:
        self._size += len(data)
        if self._events is not None:
            for event in self._events.feed(data):
                self._see(event)
        elif self._body is not None:
            self._body += data
            if self.holds:
                self._look(bytes(self._body))
        self.holds = self.holds and self._size <= HELD
        if self._body is not None and self._size > self._limit:
            self._body, self._unreadable = None, True

    async def done(self) -> None:
        if not 200 <= self._status < 300:
            return
        if self._events is not None and (rest := self._events.rest()) is not None:
            self._see(rest)
        if not self._failed:
            await self._on_good(None if self._is_unreadable() else self._view())

    def _is_unreadable(self) -> bool:
        return self._unreadable or (self._events is not None and self._events.overran)

    def _view(self) -> View:
        body = bytes(self._body or b"") if self._events is None else self._last or b""
        return reply_view(self._status, self._headers, body)

    def _look(self, page: bytes) -> None:
        view = reply_view(self._status, self._headers, page)
        text = f"{page.decode('utf-8', 'replace')}\n{message_of(view['body'])}"
        if any(condition.holds(view, text) for condition in self._unknown):
            raise EngineForgot(self._session_id)

    def _see(self, event: bytes) -> None:
        """That a session is unknown is the first event of SGLang's stream, under status 200."""
        if event.startswith(b"{"):
            self._last = event
            if b'"error"' in event and (error := _error(event)) is not None:
                self._failed = True
                if self.holds:
                    self._look_at_error(event, error)
        self.holds = False

    def _look_at_error(self, event: bytes, error: Any) -> None:
        code = error.get("code") if isinstance(error, dict) else None
        text = f"{event.decode('utf-8', 'replace')}\n{message_of({'error': error})}"
        status = code if isinstance(code, int) else None
        for condition in self._unknown:
            if status is not None and not condition.may_hold(status):
                continue
            if condition.says(reply_view(status or self._status, self._headers, event), text):
                raise EngineForgot(self._session_id)


def _error(event: bytes) -> Any:
    """What an event says went wrong; OpenAI's have `"error": null` where nothing did."""
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):
        return None
    return (value.get("error") or None) if isinstance(value, dict) else None
