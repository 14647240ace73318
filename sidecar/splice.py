"""Values set and removed in the text of a JSON object; every other byte stays as it was written.

Numbers are never converted, so 1.0, 1e400 and integers of any length go on as they came. A key
that is written twice is changed in both places: no reader finds the client's value.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sidecar.errors import BadRequest
from sidecar.jsontext import DECODER, members, skip

REMOVED: Final = object()


class Edits:
    """What is to be set and removed, by path. A later edit goes into what an earlier one set."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def set(self, path: Sequence[str], value: Any) -> None:
        *parents, name = path
        tree = self._tree
        for parent in parents:
            tree = _below(tree, parent)
        tree[name] = _copied(value) if isinstance(tree, _Value) else _as_value(value)

    def remove(self, path: Sequence[str]) -> None:
        """If nothing was set there."""
        *parents, name = path
        tree = self._tree
        for parent in parents:
            tree = _below(tree, parent)
        if not isinstance(tree, _Value):
            tree.setdefault(name, REMOVED)

    def apply(self, body: bytes) -> bytes:
        """Raises BadRequest where the body is no JSON object, or has none on the way."""
        if not self._tree:
            return body
        try:
            text = body.decode()
            start = skip(text, text.startswith("\ufeff"))
            _, end = DECODER.raw_decode(text, start)
            if skip(text, end) != len(text):
                raise ValueError
        except (ValueError, RecursionError):
            raise BadRequest(f"the body is not JSON, so it has no {_goal(self._tree)}") from None
        if text[start] != "{":
            raise BadRequest(f"the body is no JSON object, so it has no {_goal(self._tree)}")
        return "".join((text[:start], _edited(text, start, self._tree, ""), text[end:])).encode()


class _Value(dict[str, Any]):
    """An object that is set as a whole: what lies in it is JSON, not edits."""


class _Scalar(NamedTuple):
    value: Any


def _as_value(value: Any) -> _Value | _Scalar:
    return _Value(_copied(value)) if isinstance(value, dict) else _Scalar(value)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return _Value({name: _copied(each) for name, each in value.items()})
    return value


def _below(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """What was there is gone if it was set or removed: only an untouched object is gone into."""
    found = tree.get(name)
    if not isinstance(found, dict):
        fresh = name not in tree and not isinstance(tree, _Value)
        found = tree[name] = {} if fresh else _Value()
    return found


def _goal(edits: Mapping[str, Any]) -> str:
    """Where the first edit goes, for people."""
    name, edit = next(iter(edits.items()))
    is_parent = isinstance(edit, dict) and not isinstance(edit, _Value)
    return f"{name}.{_goal(edit)}" if is_parent else name


def _edited(text: str, start: int, edits: Mapping[str, Any], where: str) -> str:
    """The object that begins at `start`, with the edits made."""
    pieces, end, kept = ["{"], start + 1, False
    seen = set()
    for member in members(text, start):
        end = member.end
        seen.add(member.name)
        edit = edits.get(member.name)
        if edit is REMOVED:
            continue
        value = text[member.value : member.end]
        if edit is not None:
            value = _new_value(text, member.value, edit, where + member.name)
        separator = member.separator if kept else member.separator.replace(",", "", 1)
        pieces += [separator, text[member.begin : member.value], value]
        kept = True
    for name, edit in edits.items():
        if name not in seen and (new := _written(edit)):
            pieces.append(f"{', ' if kept else ''}{json.dumps(name)}: {new}")
            kept = True
    return "".join((*pieces, text[end : text.index("}", end) + 1]))


def _new_value(text: str, start: int, edit: Any, where: str) -> str:
    if isinstance(edit, _Scalar | _Value):
        return _written(edit)
    if text[start] == "{":
        return _edited(text, start, edit, f"{where}.")
    if _written(edit):
        raise BadRequest(f"the body has no object on the way to {where}.{_goal(edit)}")
    _, end = DECODER.raw_decode(text, start)
    return text[start:end]


def _written(edit: Any) -> str:
    """The JSON that an edit makes where nothing was; "" if there is nothing to make."""
    match edit:
        case _Scalar():
            return json.dumps(edit.value, allow_nan=False)
        case _Value():
            return json.dumps(edit, allow_nan=False)
        case dict():
            written = [(name, _written(each)) for name, each in edit.items()]
            made = [f"{json.dumps(name)}: {new}" for name, new in written if new]
            return f"{{{', '.join(made)}}}" if made else ""
        case _:
            return ""
