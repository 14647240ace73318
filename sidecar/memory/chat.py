"""Conversation memory: what takes part in a session's chat requests (a `Companion`)."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sidecar.clock import Clock
from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import BodyTooLarge, EngineError, SessionNotFound, StoreFailed, StoreFull
from sidecar.memory.answer import AnswerTooLarge, Form, NoMessage, Reader, reader_of
from sidecar.memory.body import ChatBody
from sidecar.memory.conversation import Conversation
from sidecar.memory.keeping import Addition, Keeping, TooLarge
from sidecar.memory.limits import Limits
from sidecar.memory.merge import merge
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar.memory")

# What clients say that do not say that they send JSON: nothing (boto3), or this (curl -d).
_UNSAID = (b"", b"application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class ChatMemory:
    store: Store
    clock: Clock
    paths: Sequence[str]
    messages: Sequence[str]
    """Where the messages are in a request: names, one inside the other."""
    form: Form
    limits: Limits

    def reads(self, request: EngineRequest) -> bool:
        return request.method == "POST" and request.path in self.paths and _may_be_json(request)

    async def prepare(self, session: Session, request: EngineRequest) -> "ChatWatch | None":
        if not self.reads(request) or request.body is None:
            return None
        body = ChatBody.of(request.body, self.messages)
        if body is None:
            return None
        conversation = Conversation.of(await self.store.events(session.id))
        merged = merge(conversation, body.messages, self.limits)
        try:
            merged.keeping.check()
        except TooLarge:
            raise BodyTooLarge(
                f"the messages are too large to be kept: {_allowed(self.limits)}"
            ) from None
        texts = [message.text for message in merged.put_in]
        request.body = body.with_put_in(merged.behind, texts)
        # Without the header any coding would do (RFC 9110 section 12.5.3).
        request.drop(b"accept-encoding")
        request.lines.append(b"Accept-Encoding: identity\r\n")
        return ChatWatch(self, session.id, merged.keeping)


class ChatWatch:
    """Reads the answer as it passes. A `Watch`."""

    def __init__(self, memory: ChatMemory, session_id: str, keeping: Keeping) -> None:
        self._memory = memory
        self._id = session_id
        self._keeping = keeping
        self._reader: Reader | None = None
        self.holds = False

    def head(self, reply: Reply) -> None:
        self._reader = reader_of(reply, self._memory.form)

    def body(self, data: bytes) -> None:
        if self._reader is not None:
            self._reader.feed(data)
            # A client takes [DONE] for the end, so it is to have it when the turn is kept.
            self.holds = self._reader.over

    async def done(self) -> None:
        """Raises a SidecarError where there is a message that cannot be kept."""
        if self._reader is None:
            return
        try:
            message = self._reader.message()
            now = round(self._memory.clock.wall(), 3)
            addition = self._keeping.addition(message, now)
        except NoMessage as why:
            logger.warning("an answer in session %.8s... was not kept: %s", self._id, why)
        except (AnswerTooLarge, TooLarge):
            raise EngineError(
                f"the engine's answer is too large to be kept: {_allowed(self._memory.limits)}"
            ) from None
        else:
            await self._keep(addition)

    async def _keep(self, addition: Addition) -> None:
        store = self._memory.store
        try:
            await store.append(self._id, addition.events)
        except SessionNotFound:
            return  # it has ended meanwhile, and its memory with it
        except BodyTooLarge as error:
            raise StoreFull(error.message) from None
        if addition.drop:
            # Else the next turn will drop them.
            with suppress(SessionNotFound, StoreFull, StoreFailed):
                await store.drop_events(self._id, addition.drop)


def _allowed(limits: Limits) -> str:
    return f"SIDECAR_MEMORY_BYTES allows {limits.bytes} bytes for a session"


def _may_be_json(request: EngineRequest) -> bool:
    kind = (request.header(b"content-type") or b"").lower()
    coding = (request.header(b"content-encoding") or b"identity").lower()
    return coding == b"identity" and (b"json" in kind or kind.partition(b";")[0] in _UNSAID)
