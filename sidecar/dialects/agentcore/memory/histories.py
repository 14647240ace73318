"""Histories in the store: reading them again with each use, and writing to them.

A memory session is a head, a store session with a name that follows from (memory, actor, session),
and chapters, store sessions that the head's log lists. An event goes into a chapter only if that
still lives for the whole time that events are kept; then the store ends it when its last event is
over, and nothing needs to be rewritten, counted or cleaned up.

    head      state: the names that its id hides; log: {"chapter": id, "after": id of the former}
    chapters  log: see history.py

What has been read is remembered, within a limit; each use reads the head's log and the rest of the
last chapter, which any process may have written to.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.errors import RetryableConflict, ValidationFailed
from sidecar.dialects.agentcore.memory.history import SEAL, Chapter, History, follow
from sidecar.dialects.agentcore.memory.names import Key, head_id, owner
from sidecar.errors import BodyTooLarge, SessionExists, SessionNotFound
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

DAY: Final = 86_400.0
# Of the time that events are kept: so long a chapter takes new ones. Nine are then alive at most
# because of their age.
_WRITABLE: Final = 1 / 8
# Reading and parsing it takes about a millisecond (CPython 3.11), twice with each new event.
CHAPTER_SIZE: Final = 128 * 1024
REMEMBERED: Final = 32 * 1024 * 1024
# Heads end by idleness, but the store wants an end of all days too.
LIFETIME: Final = 30 * 365 * DAY
# Each round somebody succeeds, so that many writers must have been faster.
ATTEMPTS: Final = 20


class Histories:
    """`_histories` is what is remembered, the least lately used first; `_sizes` its parts of
    `_total`."""

    def __init__(self, store: Store, clock: Clock, *, remembered: int = REMEMBERED) -> None:
        self._store = store
        self._clock = clock
        self._limit = remembered
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._total = 0

    async def read(self, key: Key) -> History:
        """Raises SessionNotFound."""
        head = head_id(key)
        order = follow(await self._store.events(head))
        history = self._remembered(head, order)
        for chapter_id in order:
            await self._read_chapter(history, chapter_id)
        self._remember(head, history)
        return history

    async def ensure(self, key: Key, keep: float) -> None:
        """The head is there, for another `keep` seconds at least."""
        head = head_id(key)
        state = {"memory": key.memory, "actor": key.actor, "session": key.session}
        idle = keep + self._writable(keep) + DAY
        for _ in range(ATTEMPTS):
            with suppress(SessionNotFound):
                await self._store.get(head, owner(key), touch=True)
                return
            with suppress(SessionExists):
                await self._store.open(
                    LIFETIME, idle=idle, owner=owner(key), state=state, session_id=head
                )
                return
        raise too_many_writers()

    async def append(self, key: Key, history: History, entry: dict[str, Any], keep: float) -> None:
        """Whether it counts is known when the history is read again: it may have been too late."""
        chapter = history.current
        if chapter is not None and self._is_over(chapter, keep):
            await self._seal(chapter.id)
            return
        chapter = chapter or await self._begin(key, history, keep)
        if chapter is None:
            return
        try:
            await self._store.append(chapter.id, [entry])
        except SessionNotFound:
            return
        except BodyTooLarge:
            if not chapter.read:
                raise ValidationFailed("the event is too large to be stored") from None
            await self._seal(chapter.id)

    async def _begin(self, key: Key, history: History, keep: float) -> Chapter | None:
        """None if another writer was faster."""
        head = head_id(key)
        former = history.order[-1] if history.order else ""
        session = await self._store.open(keep + self._writable(keep))
        await self._store.append(head, [{"chapter": session.id, "after": former}])
        if session.id in follow(await self._store.events(head)):
            return self._chapter(session)
        await self._store.close(session.id)
        return None

    async def _seal(self, chapter_id: str) -> None:
        with suppress(SessionNotFound):
            await self._store.append(chapter_id, [SEAL])

    async def _read_chapter(self, history: History, chapter_id: str) -> None:
        chapter = history.chapters.get(chapter_id)
        if chapter_id in history.lost or (chapter is not None and chapter.sealed):
            return
        try:
            if chapter is None:
                chapter = self._chapter(await self._store.get(chapter_id))
            entries = await self._store.events(chapter_id)
        except SessionNotFound:
            history.lost.add(chapter_id)
            return
        history.apply(history.put(chapter), entries)
        # A long history that is read for the first time is not to hold up everybody else: a store
        # that answers at once never gives way by itself.
        await asyncio.sleep(0)

    def _remembered(self, head: str, order: list[str]) -> History:
        history = self._histories.get(head)
        if history is None or not self._still_holds(history, order):
            history = History()
            self._forget(head)
        history.order = order
        return history

    def _still_holds(self, history: History, order: list[str]) -> bool:
        """Not if the session has ended and begun again, or if its oldest events are over."""
        if order[: len(history.order)] != history.order:
            return False
        return all(
            each.end > self._clock.boot() and each.id not in history.lost
            for each in history.chapters.values()
        )

    def _remember(self, head: str, history: History) -> None:
        self._forget(head)
        self._histories[head] = history
        self._sizes[head] = history.size
        self._total += history.size
        while self._total > self._limit:
            self._forget(next(iter(self._histories)))

    def _forget(self, head: str) -> None:
        self._histories.pop(head, None)
        self._total -= self._sizes.pop(head, 0)

    def _is_over(self, chapter: Chapter, keep: float) -> bool:
        return chapter.size >= CHAPTER_SIZE or chapter.end - self._clock.boot() < keep

    def _chapter(self, session: Session) -> Chapter:
        left = session.expires - self._clock.wall()
        return Chapter(session.id, self._clock.boot() + left)

    def _writable(self, keep: float) -> float:
        return keep * _WRITABLE


def too_many_writers() -> RetryableConflict:
    return RetryableConflict("many requests write to this session at once: send it again")
