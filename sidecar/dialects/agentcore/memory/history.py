"""A session's events, as they follow from its log. Pure: the same entries give the same history.

A session's log is written in chapters, one store session each, so that what is read again with
each use stays small and what is old ends by itself. Entries of a chapter, in their order:

    {"event": id, "made": ..., "token": ..., "payload": ...}   an event
    {"deleted": id}                                            it is gone
    {"sealed": true}                                           what follows in this chapter is void

Writers append without asking each other, and who came first in the log decides: of two events
with one client token, or with one id, the second is void, and its writer sees so when it reads its
entry back. So an entry that has been read stays what it is, and a history only ever grows.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.dialects.agentcore.memory.event import MAIN, Branch, Event

SEAL: Final[Mapping[str, Any]] = {"sealed": True}


def deletion(event_id: str) -> dict[str, Any]:
    return {"deleted": event_id}


@dataclass(slots=True)
class Chapter:
    id: str
    end: float
    """Boot clock."""
    read: int = 0
    size: int = 0
    sealed: bool = False


class History:
    """`chapters` are those that were there to be read, in their order; all but the last are
    complete."""

    def __init__(self) -> None:
        self.chapters: dict[str, Chapter] = {}
        self.order: list[str] = []
        self.lost: set[str] = set()
        self.branches: dict[str, Branch] = {}
        self.last_number = 0
        self._events: dict[str, Event] = {}
        self._order: list[str] = []
        self._by_token: dict[str, Event] = {}
        self._branch_of: dict[str, str] = {}

    @property
    def size(self) -> int:
        return sum(chapter.size for chapter in self.chapters.values())

    @property
    def current(self) -> Chapter | None:
        """The chapter that is written to, if there is one."""
        last = next(reversed(self.chapters.values()), None)
        return None if last is None or last.sealed else last

    def put(self, chapter: Chapter) -> Chapter:
        """The chapter as it is known: somebody else may have brought it in before."""
        return self.chapters.setdefault(chapter.id, chapter)

    def apply(self, chapter: Chapter, entries: Sequence[Mapping[str, Any]]) -> None:
        """All of a chapter that has been read so far; what is known already is passed over."""
        for entry in entries[chapter.read :]:
            if chapter.sealed:
                break
            self._apply(chapter, entry)
        chapter.read = max(chapter.read, len(entries))

    def get(self, event_id: str) -> Event | None:
        return self._events.get(event_id)

    def with_token(self, token: str) -> Event | None:
        """The event that was made with it, even if it has been deleted since."""
        return self._by_token.get(token)

    def branch_of(self, event_id: str) -> str | None:
        return self._branch_of.get(event_id)

    def newest_first(self, after: str = "") -> Iterator[Event]:
        """`after` is the id of an event, which need not be there any more."""
        end = bisect_left(self._order, after) if after else len(self._order)
        for position in range(end - 1, -1, -1):
            yield self._events[self._order[position]]

    def _apply(self, chapter: Chapter, entry: Mapping[str, Any]) -> None:
        if "event" in entry:
            self._add(chapter, Event.of(entry))
        elif "deleted" in entry:
            self._delete(entry["deleted"])
        elif "sealed" in entry:
            chapter.sealed = True

    def _add(self, chapter: Chapter, event: Event) -> None:
        chapter.size += event.size
        self.last_number = max(self.last_number, event.number)
        if event.id in self._branch_of or event.token in self._by_token:
            return
        self._events[event.id] = event
        self._by_token[event.token] = event
        self._branch_of[event.id] = event.branch.name
        insort(self._order, event.id)
        if event.branch.name != MAIN:
            self.branches.setdefault(event.branch.name, event.branch)

    def _delete(self, event_id: str) -> None:
        if self._events.pop(event_id, None) is not None:
            del self._order[bisect_left(self._order, event_id)]


def follow(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of a session's chapters, from the log of its head.

    Two writers may begin a next chapter at once: the one that is entered first is the next.
    """
    following: dict[str, str] = {}
    for entry in entries:
        following.setdefault(entry["after"], entry["chapter"])
    order: list[str] = []
    last = ""
    while (last := following.get(last, "")) and last not in order:
        order.append(last)
    return order
