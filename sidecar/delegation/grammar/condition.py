"""How a reply of the engine is recognised: its status, words in it, an expression over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.delegation.grammar.expression import Expression, is_true
from sidecar.delegation.grammar.reading import Section, one_or_more, statuses, texts
from sidecar.delegation.grammar.variables import Note, Path


@dataclass(frozen=True, slots=True)
class Condition:
    """All that is given must hold. Without a status: any error, from 400 on."""

    status: frozenset[int] | None = None
    contains: tuple[str, ...] = ()
    """One of them is in the body."""
    where: Expression | None = None

    def may_hold(self, status: int) -> bool:
        return status in self.status if self.status is not None else status >= 400

    def holds(self, view: Mapping[str, Any], text: str) -> bool:
        return self.may_hold(view["status"]) and self.says(view, text)

    def says(self, view: Mapping[str, Any], text: str) -> bool:
        """The same, for an error whose status is not that of the reply."""
        words = not self.contains or any(each in text for each in self.contains)
        return words and (self.where is None or is_true(self.where(view)))


def conditions(value: Any, path: Path, note: Note) -> tuple[Condition, ...]:
    """One or a list. A bare number is a status."""
    if value is None:
        return ()
    found = []
    listed = isinstance(value, list)
    for number, each in enumerate(one_or_more(value) if value != [] else []):
        where = (*path, str(number)) if listed else path
        if isinstance(each, int) and not isinstance(each, bool):
            each = {"status": each}
        found.append(_condition(Section(each, where, note)))
    return tuple(found)


def _condition(section: Section) -> Condition:
    status = section.read("status", statuses)
    contains = section.read("contains", texts) or ()
    where = section.read("where", Expression)
    if not any(section.has(name) for name in ("status", "contains", "where")):
        section.wrong("says nothing to look for; give status, contains or where")
    section.finish()
    return Condition(status, contains, where)
