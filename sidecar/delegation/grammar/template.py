"""Templates: JSON values and texts with `${expression}`, filled in for one session.

`"${engine_id}"`, alone in its string, is replaced by the value itself and so keeps its type: a
uint64 stays a JSON number. Inside a longer text it becomes text. `:int`, `:float` and `:str` at
the end convert. A value that is not there takes its key with it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sidecar.delegation.grammar.expression import Expression
from sidecar.delegation.grammar.reading import shown
from sidecar.errors import BadRequest

NAMES = (
    "session_id",
    "engine_id",
    "public_id_hex",
    "ttl_plus_grace",
    "headers",
    "body",
    "query",
)

Scope = Mapping[str, Any]
Render = Callable[[Scope], Any]

MISSING: Final = object()

_HOLE = re.compile(r"\$\{([^{}]*)\}")
_CONVERTED = re.compile(r"(.*):(int|float|str)")
_CONVERTERS: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}


@dataclass(frozen=True, slots=True)
class Fallback:
    """A leaf of a template: `value`, where `template` has none."""

    template: Any
    value: Any


def compile_value(value: Any) -> Render:
    """The value may be any JSON, with `Expression` and `Fallback` as leaves. Raises ValueError."""
    match value:
        case Expression():
            return _picked(value)
        case Fallback():
            return _with_fallback(compile_value(value.template), value.value)
        case dict():
            return _object([(name, compile_value(each)) for name, each in value.items()])
        case list():
            return _array([compile_value(each) for each in value])
        case str() if "${" in value:
            return _text(value)
        case _:
            return lambda scope: value


def compile_path(text: str) -> Callable[[Scope], str]:
    """A request target. What is filled in cannot break out of its segment. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{shown(text)} is not the path of a URL; write text")
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f'"{text}" is not the path of a URL; let it start with "/"')
    render = _joined(text, lambda value: quote(_as_text(value), safe=""))

    def rendered(scope: Scope) -> str:
        target = render(scope)
        if target is MISSING:
            raise BadRequest(f"the request lacks what the engine's path {text} is made from")
        return str(target)

    return rendered


def header_text(value: Any, name: str) -> str:
    """The value as it stands in a header. Raises BadRequest where it cannot stand there."""
    text = _as_text(value)
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise BadRequest(f"what goes to the engine's header {name} is not printable ASCII")
    return text


def names_in(value: Any) -> frozenset[str]:
    """The names that a template needs, as far as it can be read."""
    found: set[str] = set()
    with suppress(ValueError):
        for expression in _expressions(value):
            found |= expression.names
    return frozenset(found)


def _expressions(value: Any) -> Iterator[Expression]:
    match value:
        case Expression():
            yield value
        case Fallback():
            yield from _expressions(value.template)
        case dict():
            for each in value.values():
                yield from _expressions(each)
        case list():
            for each in value:
                yield from _expressions(each)
        case str():
            for hole in _HOLE.finditer(value):
                yield _parse(hole[1])[0]
        case _:
            pass


def _parse(hole: str) -> tuple[Expression, str]:
    converted = _CONVERTED.fullmatch(hole)
    text, kind = (converted[1], converted[2]) if converted else (hole, "")
    return Expression(text.strip(), NAMES), kind


def _text(text: str) -> Render:
    alone = _HOLE.fullmatch(text)
    return _hole(alone[1]) if alone else _joined(text, _as_text)


def _joined(text: str, encode: Callable[[Any], str]) -> Render:
    """Texts and holes in turn."""
    if "${" in _HOLE.sub("", text):
        raise ValueError(f'"{text}" has a "${{" that is not closed; write ${{name}}')
    pieces = _HOLE.split(text)
    holes = [_hole(hole) for hole in pieces[1::2]]

    def joined(scope: Scope) -> Any:
        values = [render(scope) for render in holes]
        if any(value is MISSING for value in values):
            return MISSING
        filled = pieces.copy()
        filled[1::2] = [encode(value) for value in values]
        return "".join(filled)

    return joined


def _hole(hole: str) -> Render:
    expression, kind = _parse(hole)
    pick = _picked(expression)
    if not kind:
        return pick
    convert = _CONVERTERS[kind]

    def converted(scope: Scope) -> Any:
        value = pick(scope)
        try:
            return value if value is MISSING else convert(value)
        except (TypeError, ValueError):
            raise BadRequest(f"{expression.text} of the request is no {kind}") from None

    return converted


def _picked(expression: Expression) -> Render:
    def picked(scope: Scope) -> Any:
        value = expression(scope)
        return MISSING if value is None else value

    return picked


def _with_fallback(render: Render, value: Any) -> Render:
    def rendered(scope: Scope) -> Any:
        found = render(scope)
        return value if found is MISSING else found

    return rendered


def _object(members: list[tuple[str, Render]]) -> Render:
    def rendered(scope: Scope) -> dict[str, Any]:
        values = ((name, render(scope)) for name, render in members)
        return {name: value for name, value in values if value is not MISSING}

    return rendered


def _array(items: list[Render]) -> Render:
    def rendered(scope: Scope) -> list[Any]:
        return [value for render in items if (value := render(scope)) is not MISSING]

    return rendered


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
