"""One JSON object of a preset, read member by member, with every mistake noted where it stands."""

import json
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from typing import Any, TypeVar

from sidecar.delegation.grammar.variables import Note, Path

T = TypeVar("T")

_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false"}


class Section:
    """What nobody has asked for by the end is a mistake: `finish` notes it."""

    def __init__(self, value: Any, path: Path, note: Note) -> None:
        self.path = path
        self._note = note
        self._known: dict[str, None] = {}
        self._members: dict[str, Any] = {}
        if isinstance(value, dict):
            self._members = value
        else:
            self.wrong("is no object; write {…}")

    def has(self, name: str) -> bool:
        self._known[name] = None
        return name in self._members

    def wrong(self, problem: str, *below: str) -> None:
        self._note((*self.path, *below), problem)

    def section(self, name: str) -> "Section | None":
        if not self.has(name):
            return None
        return Section(self._members[name], (*self.path, name), self._note)

    def read(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """What `parse` makes of the member; None if there is none, or if it raised ValueError."""
        if not self.has(name):
            return None
        try:
            return parse(self._members[name])
        except ValueError as error:
            self.wrong(str(error), name)
            return None

    def raw(self, name: str) -> Any:
        return self._members.get(name) if self.has(name) else None

    def members(self, name: str) -> Iterator[tuple[str, Any]]:
        """Of an object whose keys are free."""
        found = self.read(name, of(dict))
        yield from (found or {}).items()

    def finish(self) -> None:
        for name in self._members.keys() - self._known.keys():
            self.wrong(f"there is no such key; {suggested(name, self._known)}", name)


def of(kind: type[T]) -> Callable[[Any], T]:
    def parsed(value: Any) -> T:
        if not isinstance(value, kind):
            raise ValueError(f"{shown(value)} is not {_WORDS[kind]}")
        return value

    return parsed


def choice(*words: str) -> Callable[[Any], str]:
    def parsed(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{shown(value)} is no choice; {suggested(str(value), words)}")
        return str(value)

    return parsed


def count(most: int) -> Callable[[Any], int]:
    def parsed(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
            raise ValueError(f"{shown(value)} is not a whole number from 1 to {most}")
        return value

    return parsed


def seconds(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 3600:
        raise ValueError(f"{shown(value)} is not a number of seconds up to 3600")
    return float(value)


def status(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise ValueError(f"{shown(value)} is not the status of an answer; give 200 to 599")
    return value


def statuses(value: Any) -> frozenset[int]:
    """One or a list."""
    return frozenset(status(each) for each in one_or_more(value))


def texts(value: Any) -> tuple[str, ...]:
    """One or a list, none of them empty."""
    found = tuple(of(str)(each) for each in one_or_more(value))
    if not all(found):
        raise ValueError('"" says nothing; write some text')
    return found


def one_or_more(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    if not found:
        raise ValueError("is an empty list; remove it")
    return found


def shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def suggested(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
