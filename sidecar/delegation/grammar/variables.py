"""`${MODEL}`, `${SLOTS:int}`: what a preset leaves to whoever uses it, as SIDECAR_PRESET_MODEL.

They are filled in once, at start. Names in lower case are filled in for each session: template.py.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

PREFIX = "SIDECAR_PRESET_"

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::(int|float|json|str))?\}")


def _finite(value: Any) -> Any:
    """1e400 and NaN have no place in JSON."""
    json.dumps(value, allow_nan=False)
    return value


_READ: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": lambda text: _finite(float(text)),
    "json": lambda text: _finite(json.loads(text)),
    "str": str,
}
_WORDS = {"int": "a whole number", "float": "a number", "json": "JSON"}
_STAND_INS = {"int": 1, "float": 1.0, "json": {}, "str": "x"}

Path = tuple[str, ...]
Note = Callable[[Path, str], None]


def variables_in(value: Any) -> list[str]:
    """Their names, in the order in which they come."""
    return list(dict.fromkeys(name for text in _texts(value) for name, _ in _found(text)))


def filled(value: Any, given: Mapping[str, str], note: Note, path: Path = ()) -> Any:
    """The value with its variables replaced; what is wrong is noted."""
    match value:
        case dict():
            return {name: filled(each, given, note, (*path, name)) for name, each in value.items()}
        case list():
            return [filled(each, given, note, (*path, str(n))) for n, each in enumerate(value)]
        case str():
            return _filled_text(value, given, lambda problem: note(path, problem))
        case _:
            return value


def unused(given: Mapping[str, str], used: list[str]) -> Iterator[str]:
    """What was set for no variable of the preset: one line each."""
    for name in given:
        if name not in used:
            close = get_close_matches(name, used, n=1)
            fix = f"did you mean {PREFIX}{close[0]}?" if close else "remove it"
            yield f"{PREFIX}{name}: the preset has no such variable; {fix}"


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case str():
            yield value
        case _:
            pass


def _found(text: str) -> list[tuple[str, str]]:
    return _VARIABLE.findall(text)


def _filled_text(text: str, given: Mapping[str, str], note: Callable[[str], None]) -> Any:
    alone = _VARIABLE.fullmatch(text)
    if alone is not None:
        return _converted(alone, given, note)
    return _VARIABLE.sub(lambda hole: str(_converted(hole, given, note)), text)


def _converted(hole: re.Match[str], given: Mapping[str, str], note: Callable[[str], None]) -> Any:
    """What is wrong gets a stand-in, so that nothing else seems wrong because of it."""
    name, kind = hole[1], hole[2] or "str"
    if name not in given:
        note(f"needs the variable {PREFIX}{name}; set it")
        return _STAND_INS[kind]
    try:
        return _READ[kind](given[name])
    except (ValueError, RecursionError):
        note(f'{PREFIX}{name} is not {_WORDS[kind]}: "{given[name][:60]}"')
        return _STAND_INS[kind]
