"""From a preset's name, or an own file's path, to a `Preset`: or to every mistake at once."""

import json
from collections.abc import Mapping

from sidecar.delegation.grammar import source, variables
from sidecar.delegation.grammar.build import build
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.grammar.source import PresetError
from sidecar.delegation.grammar.templates import Defaults
from sidecar.delegation.grammar.variables import Path

NO_DEFAULTS = Defaults()


def load_preset(
    name_or_path: str, given: Mapping[str, str], defaults: Defaults = NO_DEFAULTS
) -> Preset:
    """`given`: variables by name, `MODEL` for SIDECAR_PRESET_MODEL. Raises PresetError."""
    found = source.read(name_or_path)
    mistakes: list[str] = []

    def note(path: Path, problem: str) -> None:
        mistakes.append(f"{found.place(path)}: {problem}")

    used = variables.variables_in(found.tree)
    tree = variables.filled(found.tree, given, note)
    mistakes += variables.unused(given, used)
    preset = build(found.name, tree, note, defaults)
    if mistakes:
        raise PresetError(*dict.fromkeys(mistakes))
    return preset


def listing() -> str:
    """The presets in the package: what each is for, and the variables that it needs."""
    return "\n".join(_described(name) for name in source.names())


def resolved(name_or_path: str) -> str:
    """The preset as one JSON text, with what it extends; its variables stay. Raises PresetError."""
    return json.dumps(source.read(name_or_path).tree, indent=2)


def _described(name: str) -> str:
    tree = source.read(name).tree
    needed = [f"{variables.PREFIX}{each}" for each in variables.variables_in(tree)]
    lines = [f"{name:18} {tree['description']}", *(f"{'':18} needs {each}" for each in needed)]
    return "\n".join(lines)
