"""Writing events: what is made and deleted is appended to its session's history."""

import asyncio
from contextlib import suppress
from weakref import WeakValueDictionary

from sidecar.clock import Clock
from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.memory.draft import Draft, Wish
from sidecar.dialects.agentcore.memory.event import MAIN, TRUNK, Branch, Event, event_id
from sidecar.dialects.agentcore.memory.histories import ATTEMPTS, Histories, too_many_writers
from sidecar.dialects.agentcore.memory.history import History, deletion
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import Key, head_id
from sidecar.dialects.agentcore.memory.reading import Reading
from sidecar.errors import SessionNotFound
from sidecar.sessions.store import Store

EMPTIED = "emptied"


class Events:
    """Writers of one session wait for each other within a process: of those that try at once one
    succeeds, and the others' entries are void and take room. Other processes need not wait."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._histories = Histories(store, clock)
        self.reading = Reading(self._histories, clock)
        self._writing: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    async def create(self, memory: Memory, key: Key, draft: Draft) -> Event:
        """The event that was made with the draft's token, by this request or an earlier one."""
        async with self._turn(key):
            await self._histories.ensure(key, memory.keep)
            with suppress(SessionNotFound):  # somebody deleted it this moment
                return await self._append(memory, key, draft)
        raise too_many_writers()

    async def delete(self, memory: Memory, key: Key, id_of_event: str) -> None:
        async with self._turn(key):
            history = await self.reading.read(key, id_of_event)
            self.reading.live(history, memory, id_of_event)
            for _ in range(ATTEMPTS):
                await self._histories.append(key, history, deletion(id_of_event), memory.keep)
                history = await self.reading.read(key, id_of_event)
                if history.get(id_of_event) is None:
                    return await self._note_emptied(key, memory, history)
        raise too_many_writers()

    async def _append(self, memory: Memory, key: Key, draft: Draft) -> Event:
        history = await self._histories.read(key)
        for _ in range(ATTEMPTS):
            made = history.with_token(draft.token)
            if made is not None:
                return made
            entry = self._event(history, draft).entry()
            await self._histories.append(key, history, entry, memory.keep)
            history = await self._histories.read(key)
        raise too_many_writers()

    def _turn(self, key: Key) -> asyncio.Lock:
        # Held by whoever waits for it or has it, and gone with the last of them.
        return self._writing.setdefault(key, asyncio.Lock())

    def _event(self, history: History, draft: Draft) -> Event:
        return Event(
            event_id(draft.milliseconds, history.last_number + 1),
            round(self._clock.wall(), 3),
            draft.token,
            draft.payload,
            _branch(history, draft.branch),
            draft.metadata,
        )

    async def _note_emptied(self, key: Key, memory: Memory, history: History) -> None:
        """A session without events is listed for another day. Whether it has got new ones since is
        seen from its history."""
        if self.reading.has_kept(history, memory):
            return
        head = head_id(key)
        state = await self._store.state(head)
        await self._store.save(head, {**state, EMPTIED: self._clock.wall()})


def _branch(history: History, wish: Wish) -> Branch:
    """A branch is begun with the event that it forks from, and then goes by its name."""
    if wish.name == MAIN:
        return TRUNK
    known = history.branches.get(wish.name)
    if known is not None:
        if wish.root in (None, known.root):
            return known
        raise _invalid_root(f"branch '{wish.name}' forks from event {known.root}")
    if wish.root is None:
        raise _invalid_root(f"there is no branch '{wish.name}' yet: send its rootEventId too")
    if history.get(wish.root) is None:
        raise _invalid_root(f"there is no event with id {wish.root} in this session")
    return Branch(wish.name, wish.root, history.branch_of(wish.root))


def _invalid_root(message: str) -> ValidationFailed:
    return ValidationFailed(message, fields=(("branch.rootEventId", message),))
