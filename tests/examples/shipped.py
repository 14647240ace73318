"""The files in config/, and what the code has to say of the names in them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sidecar.config import Settings, load
from sidecar.config.sources import variable

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
VARIABLES = frozenset(map(variable, Settings.model_fields))
NAME = re.compile(r"\bSIDECAR_[A-Z0-9_]*[A-Z0-9]\b")
# Made up by users for their own presets; and a word for any of them, in the help.
FREE = re.compile(r"SIDECAR_PRESET\w*|SIDECAR_NAME")


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CONFIG / name).read_text()))


def unknown_names(text: str) -> list[str]:
    return [name for name in NAME.findall(text) if name not in VARIABLES and not FREE.match(name)]


def settings_of(environment: Mapping[str, str], scratch: Path) -> Settings:
    """As the sidecar would read it. Files that it names are there; every mistake is raised."""
    file = scratch / "secret"
    file.write_text("secret-of-16-letters")
    named = {name: str(file) for name in environment if name.endswith("_FILE")}
    return load({**environment, **named})


def objects(node: Any, key: str) -> Iterator[Any]:
    """Every value of that key, however deep."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from objects(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value, key)
