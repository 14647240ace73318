"""Templates of a preset, compiled with each mistake at its place; and defaults laid under them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.delegation.grammar.place import Place, header_name
from sidecar.delegation.grammar.reading import shown
from sidecar.delegation.grammar.template import MISSING, Fallback, Render, compile_value
from sidecar.delegation.grammar.variables import Note, Path


@dataclass(frozen=True, slots=True)
class Defaults:
    """SAGEMAKER_TRANSFORMS_*_DEFAULTS: by place, as in `{"body.capacity": 1024}`."""

    create: Mapping[str, Any] = field(default_factory=dict)
    close: Mapping[str, Any] = field(default_factory=dict)


def compiled(value: Any, path: Path, note: Note) -> Render:
    problems = False
    for where, leaf in _leaves(value, path):
        try:
            compile_value(leaf)
        except ValueError as error:
            note(where, f"{shown(leaf)}: {error}")
            problems = True
    return (lambda scope: MISSING) if problems else compile_value(value)


def laid(tree: Any, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of the tree with the value at that path. Raises ValueError for what is no object."""
    if tree is not None and not isinstance(tree, dict):
        raise ValueError(f"there is {shown(tree)} on the way to {'.'.join(path)}")
    below = value
    if path[1:]:
        below = laid((tree or {}).get(path[0]), path[1:], value)
    return {**(tree or {}), path[0]: below}


def with_defaults(
    body: Any, headers: dict[str, Any], defaults: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Both with the defaults where they say nothing themselves. Raises ValueError."""
    for text, value in defaults.items():
        place = Place.of(text)
        if place.part == "query":
            raise ValueError(f"{text}: a default goes to body.… or headers.…")
        if place.part == "headers":
            known = next((n for n in headers if n.lower() == place.name.lower()), place.name)
            headers = {**headers, header_name(known): _under(headers.get(known), value)}
        else:
            body = laid(body, place.path, _under(_at(body, place.path), value))
    return body, headers


def _under(template: Any, value: Any) -> Any:
    return value if template is None else Fallback(template, value)


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    match value:
        case dict():
            for name, each in value.items():
                yield from _leaves(each, (*path, name))
        case list():
            for number, each in enumerate(value):
                yield from _leaves(each, (*path, str(number)))
        case Fallback():
            yield from _leaves(value.template, path)
        case str():
            yield path, value
        case _:
            pass
