"""The conversations that SIDECAR_MEMORY keeps, as the events of one memory: one log, two readers.

A step of a conversation is an event, and an event that is written becomes a step, which goes to the
engine with the session's next request. The sessions are those of the other dialects, so they are
opened and end there; the actor is the hash of their owner, or `anyone` where owners do not count.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.answers import dump
from sidecar.dialects.agentcore.errors import (
    ResourceNotFound,
    RetryableConflict,
    Unsupported,
    ValidationFailed,
)
from sidecar.dialects.agentcore.memory.draft import Draft, Wish
from sidecar.dialects.agentcore.memory.event import Event, event_id
from sidecar.dialects.agentcore.memory.history import Chapter, History
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import Key
from sidecar.dialects.agentcore.memory.paging import Page
from sidecar.dialects.agentcore.memory.reading import Reading
from sidecar.errors import SessionNotFound
from sidecar.memory.conversation import Conversation
from sidecar.memory.message import Message
from sidecar.memory.step import Step
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

ANYONE: Final = "anyone"
_ROLES: Final = {"user": "USER", "assistant": "ASSISTANT", "tool": "TOOL"}
_WRITTEN: Final = {"USER": "user", "ASSISTANT": "assistant"}
_CHUNK: Final = 100
# Beside the step in the log; other readers of it pass over the member.
_TOKEN: Final = "token"


class Conversations:
    """`store` holds the sessions of the other dialects."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self.reading = Reading(self, clock)

    async def read(self, key: Key) -> History:
        """Raises SessionNotFound, also for another actor's."""
        if actor_of(await self._store.get(key.session)) != key.actor:
            raise SessionNotFound(key.session)
        return history(await self._store.events(key.session))

    async def create(self, memory: Memory, key: Key, draft: Draft) -> Event:
        messages = _messages(draft)
        try:
            await self.read(key)
            lease = await self._store.try_lease(key.session)
            if lease is None:
                raise RetryableConflict("a request of this session is being answered")
            try:
                return await self._add(key, draft, messages)
            finally:
                await lease.release()
        except SessionNotFound:
            raise ResourceNotFound(
                f"Session not found: {key.session}; a conversation's session is opened and closed "
                "where the conversation takes place"
            ) from None

    async def delete(self, memory: Memory, key: Key, id_of_event: str) -> None:
        await self.reading.get(memory, key, id_of_event)
        raise Unsupported("a conversation's events end with its session")

    async def of_actor(
        self, memory: Memory, actor: str, page: Page, *, with_events: bool
    ) -> tuple[list[dict[str, Any]], str]:
        """Only those that have events: other sessions are no conversations."""
        found: list[Session] = []
        async for session in self._with_steps(page.after):
            if actor_of(session) != actor:
                continue
            if len(found) == page.limit:
                return [_summary(each) for each in found], found[-1].id
            found.append(session)
        return [_summary(each) for each in found], ""

    async def actors(self, memory: Memory, page: Page) -> tuple[list[dict[str, Any]], str]:
        names = sorted({actor_of(session) async for session in self._with_steps("")})
        rest = [name for name in names if name > page.after]
        shown = rest[: page.limit]
        after = shown[-1] if len(rest) > page.limit else ""
        return [{"actorId": name} for name in shown], after

    async def _add(self, key: Key, draft: Draft, messages: Sequence[Message]) -> Event:
        log = await self._store.events(key.session)
        made = history(log).with_token(draft.token)
        if made is not None:
            return made
        number = Conversation.of(log).last + 1
        step = Step(number, tuple(messages), time=draft.milliseconds / 1000)
        await self._store.append(key.session, [{**step.event(), _TOKEN: draft.token}])
        return _event(step, draft.token)

    async def _with_steps(self, after: str) -> AsyncIterator[Session]:
        while True:
            sessions = await self._store.list_sessions(_CHUNK, after)
            for session in sessions:
                if await self._has_steps(session.id):
                    yield session
            if len(sessions) < _CHUNK:
                return
            after = sessions[-1].id

    async def _has_steps(self, session_id: str) -> bool:
        try:
            log = await self._store.events(session_id)
        except SessionNotFound:
            return False
        return any(Step.of(entry) is not None for entry in log)


def actor_of(session: Session) -> str:
    return session.owner or ANYONE


def history(log: Sequence[Mapping[str, Any]]) -> History:
    """Of what counts in it."""
    entries: list[dict[str, Any]] = []
    for entry in log:
        step = Step.of(entry)
        if step is None:
            continue
        if step.anew:
            entries.clear()
        token = entry.get(_TOKEN) or f"step {step.number}"
        entries.append(_event(step, token).entry())
    made = History()
    made.apply(made.put(Chapter("", 0.0)), entries)
    return made


def _event(step: Step, token: str) -> Event:
    payload = f"[{','.join(_item(message) for message in step.told)}]"
    milliseconds = max(0, round(step.time * 1000))
    return Event(event_id(milliseconds, step.number), step.time, token, payload)


def _item(message: Message) -> str:
    text = message.value.get("content")
    if isinstance(text, str) and text:
        role = _ROLES.get(str(message.role), "OTHER")
        return dump({"conversational": {"content": {"text": text}, "role": role}})
    return dump({"blob": _document(message.text)})


def _document(text: str) -> Any:
    """What no other parser of JSON reads stays text."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return value


def _messages(draft: Draft) -> list[Message]:
    if draft.branch != Wish() or draft.metadata:
        raise ValidationFailed("a conversation has neither branches nor metadata")
    messages = []
    for item in json.loads(draft.payload):
        said = item.get("conversational")
        if said is None or said["role"] not in _WRITTEN:
            raise ValidationFailed("a conversation has messages of USER and ASSISTANT only")
        text = dump({"role": _WRITTEN[said["role"]], "content": said["content"]["text"]})
        messages.append(Message.of(text))
    if not messages:
        raise ValidationFailed("an event of a conversation has a message")
    return messages


def _summary(session: Session) -> dict[str, Any]:
    return {
        "sessionId": session.id,
        "actorId": actor_of(session),
        "createdAt": round(session.created, 3),
    }
