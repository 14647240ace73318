"""A preset as it was written: found by name or path, with what it extends, and who wrote what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

PRESETS = resources.files("sidecar.delegation") / "presets"
_LIMIT = 1024 * 1024
# Below these a dotted key is one name: it is a place in a request, which has dots itself.
_PLACES = frozenset((("request", "set"), ("request", "set_first")))


class PresetError(ValueError):
    """Every mistake in a preset, one line each."""

    def __init__(self, *mistakes: str) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))


@dataclass(slots=True)
class Source:
    name: str
    file: str
    tree: dict[str, Any]
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)

    def place(self, path: tuple[str, ...]) -> str:
        """`sglang.json: create.body.timeout`: the file that says it, and where."""
        found = (path[:length] for length in range(len(path), 0, -1))
        file = next((self.origins[each] for each in found if each in self.origins), self.file)
        return f"{file}: {'.'.join(path)}" if path else file


def names() -> list[str]:
    """Of the presets in the package."""
    return sorted(
        each.name.removesuffix(".json") for each in PRESETS.iterdir() if each.name.endswith(".json")
    )


def read(name_or_path: str) -> Source:
    """Raises PresetError."""
    return _read(name_or_path, Path(), ())


def _read(name_or_path: str, beside: Path, before: tuple[str, ...]) -> Source:
    text, file, directory = _text(name_or_path, beside)
    if file in before:
        raise PresetError(f"{file}: extends: comes back to {file}; end the circle")
    own = _parsed(text, file)
    base = own.pop("extends", None)
    if base is None:
        source = Source(_bare(file), file, {})
    elif isinstance(base, str):
        source = _read(base, directory, (*before, file))
        source.name, source.file = _bare(file), file
    else:
        raise PresetError(f"{file}: extends: is no text; give a preset's name or a path")
    _lay_over(source, own, file)
    return source


def _bare(file: str) -> str:
    return Path(file).name.removesuffix(".json")


def _text(name_or_path: str, beside: Path) -> tuple[str, str, Path]:
    if "/" not in name_or_path and not name_or_path.endswith(".json"):
        if name_or_path not in names():
            raise PresetError(_no_such(name_or_path))
        file = f"{name_or_path}.json"
        return (PRESETS / file).read_text("utf-8"), file, beside
    path = beside / name_or_path
    try:
        with path.open("rb") as opened:
            data = opened.read(_LIMIT + 1)
        if len(data) > _LIMIT:
            raise PresetError(f"{path}: is larger than {_LIMIT} bytes; no preset is")
        return data.decode("utf-8-sig"), str(path), path.parent
    except (OSError, ValueError) as error:
        if isinstance(error, PresetError):
            raise
        problem = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise PresetError(f"{path}: cannot be read ({problem}); correct the path") from None


def _no_such(name: str) -> str:
    close = get_close_matches(name, names(), n=1)
    fix = f"did you mean {close[0]}?" if close else "`session-sidecar presets` lists them"
    return f'there is no preset "{name}"; {fix} (an own file is a path with a "/")'


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_number
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise PresetError(f"{file}: {where}: is not JSON ({error.msg}); correct it") from None
    except (ValueError, RecursionError) as error:
        raise PresetError(f"{file}: is not JSON ({error}); correct it") from None
    if not isinstance(value, dict):
        raise PresetError(f"{file}: is no JSON object; write {{…}}")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f'"{name}" is written twice in one object')
        members[name] = value
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _lay_over(source: Source, own: dict[str, Any], file: str) -> None:
    """A plain key replaces what was there; a dotted one changes one place; null removes."""
    for key, value in sorted(own.items(), key=lambda item: "." in item[0]):
        path = tuple(_path(key))
        tree = source.tree
        for name in path[:-1]:
            below = tree.get(name)
            if not isinstance(below, dict):
                below = tree[name] = {}
            tree = below
        source.origins = {o: f for o, f in source.origins.items() if o[: len(path)] != path}
        source.origins[path] = file
        if value is None:
            tree.pop(path[-1], None)
        else:
            tree[path[-1]] = value


def _path(key: str) -> Iterator[str]:
    parts = key.split(".")
    if tuple(parts[:2]) in _PLACES and len(parts) > 3:
        yield from parts[:2]
        yield ".".join(parts[2:])
    else:
        yield from parts
