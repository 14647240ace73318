"""The engine's preset as the settings have it: its name, its variables and its defaults."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sidecar.config.values import wrong
from sidecar.delegation.grammar.load import load_preset
from sidecar.delegation.grammar.place import Place
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.grammar.source import PresetError
from sidecar.delegation.grammar.templates import Defaults

if TYPE_CHECKING:
    from sidecar.config.settings import Settings

_FORM = """write it as in '{"body.capacity": 1024}'"""


def preset_of(settings: "Settings") -> Preset | None:
    """Raises PresetError."""
    if settings.engine_preset is None:
        return None
    defaults = Defaults(settings.create_session_defaults, settings.close_session_defaults)
    return load_preset(settings.engine_preset, settings.preset_variables, defaults)


def preset_mistakes(settings: "Settings") -> tuple[str, ...]:
    try:
        preset_of(settings)
    except PresetError as error:
        return error.mistakes
    return ()


def defaults(text: str) -> Mapping[str, Any]:
    """By place: `{"body.capacity": 1024}`."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        raise wrong(text, "is not JSON", _FORM) from None
    if not isinstance(value, dict):
        raise wrong(text, "is no JSON object", _FORM)
    for place in value:
        Place.of(place)
    return value
