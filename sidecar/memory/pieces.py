"""A message put together from a stream's deltas, as OpenAI's clients do it.

Texts are appended, objects merged, and objects in a list merged by their `index`, which a message
does not have. Only role, id, type and name are set: some engines send them with each delta.
"""

from io import StringIO
from typing import Any

_SET = frozenset({"role", "id", "type", "name"})


class Pieces:
    """An object in the making."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        for name, value in delta.items():
            match value:
                case None:
                    self._members.setdefault(name, None)
                case str() if name in _SET:
                    self._members[name] = value or self._members.get(name, value)
                case str():
                    self._part(name, StringIO).write(value)
                case dict():
                    self._part(name, Pieces).add(value)
                case list():
                    self._part(name, _Items).add(value)
                case _:
                    self._members[name] = value

    def value(self) -> dict[str, Any]:
        return {name: _value(each) for name, each in self._members.items()}

    def _part(self, name: str, kind: type) -> Any:
        part = self._members.get(name)
        if not isinstance(part, kind):
            part = self._members[name] = kind()
        return part


class _Items:
    def __init__(self) -> None:
        self._indexed: dict[int, Pieces] = {}
        self._others: list[Any] = []

    def add(self, items: list[Any]) -> None:
        for item in items:
            index = item.get("index") if isinstance(item, dict) else None
            if isinstance(index, int):
                rest = {name: each for name, each in item.items() if name != "index"}
                self._indexed.setdefault(index, Pieces()).add(rest)
            else:
                self._others.append(item)

    def value(self) -> list[Any]:
        return [self._indexed[index].value() for index in sorted(self._indexed)] + self._others


def _value(part: Any) -> Any:
    if isinstance(part, StringIO):
        return part.getvalue()
    return part.value() if isinstance(part, Pieces | _Items) else part
