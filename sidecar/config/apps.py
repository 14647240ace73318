"""From text to the apps of inference.sh's clients, and what ends their sessions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.config.values import wrong


@dataclass(frozen=True, slots=True)
class App:
    """path: may hold `{function}`; functions: paths of their own, by name."""

    path: str
    functions: Mapping[str, str] = field(default_factory=dict)
    chat: bool = False
    """A conversation that the sidecar keeps, for a stateless engine."""
    model: str | None = None


def apps_of(text: str) -> Mapping[str, App]:
    """`{"my-app": {"path": "/predict"}, "chat": {"adapter": "chat", "path": "/v1/..."}}`

    Raises ValueError.
    """
    tree = _object(text, _FORM)
    return {name: _app(name, each) for name, each in tree.items()}


_FORM: Final = """write it as in '{"my-app": {"path": "/predict"}}'"""
_KEYS: Final = frozenset(("path", "functions", "adapter", "model"))


def _app(name: str, tree: Any) -> App:
    if not isinstance(tree, dict) or not _is_path(tree.get("path")):
        raise ValueError(f'app "{name}" has no path that starts with /; {_FORM}')
    unknown = set(tree) - _KEYS
    if unknown:
        raise ValueError(f'app "{name}" has an unknown key {min(unknown)}; there is {_listed()}')
    functions = tree.get("functions", {})
    if not isinstance(functions, dict) or not all(map(_is_path, functions.values())):
        raise ValueError(f'app "{name}": functions are names and paths; {_FORM}')
    if tree.get("adapter") not in (None, "chat"):
        raise ValueError(f'app "{name}": adapter may be chat; leave it out otherwise')
    model = tree.get("model")
    if model is not None and not isinstance(model, str):
        raise ValueError(f'app "{name}": model is a text; write its name')
    return App(tree["path"], functions, tree.get("adapter") == "chat", model)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.isascii() and " " not in value


def _listed() -> str:
    return ", ".join(sorted(_KEYS))


def end_on_of(text: str) -> Mapping[str, list[Any]]:
    """`{"action": ["cleanup"]}`: what of an input ends its session. Raises ValueError."""
    tree = _object(text, _END_FORM)
    if not all(isinstance(values, list) for values in tree.values()):
        raise wrong(text, "has a name without a list of values", _END_FORM)
    return tree


_END_FORM: Final = """write it as in '{"action": ["cleanup"]}'"""


def path(text: str) -> str:
    if not _is_path(text):
        raise wrong(text, "is not the path of a URL", 'let it start with "/"')
    return text


def _object(text: str, form: str) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong(text, "is not JSON", form) from None
    if not isinstance(tree, dict):
        raise wrong(text, "is no JSON object", form)
    return tree
