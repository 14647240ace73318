"""From the sources to one frozen Settings, or to every mistake at once."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import ValidationError

from sidecar.config.checks import CHECKS
from sidecar.config.names import PORT_WORD
from sidecar.config.preset import preset_mistakes
from sidecar.config.settings import Settings
from sidecar.config.sources import PRESET, Given, gather, variable
from sidecar.config.values import wrong

SAFE_PORTS = "SAGEMAKER_SAFE_PORT_RANGE"
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


class ConfigurationError(Exception):
    """One line per mistake: the setting's name, what is wrong, the fix."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(_one_line(mistake) for mistake in mistakes)
        super().__init__("\n".join(self.mistakes))


def load(environ: Mapping[str, str], flags: Mapping[str, str] = MappingProxyType({})) -> Settings:
    """The settings; `flags` are by field name. Raises ConfigurationError."""
    given, mistakes = gather(flags, environ, Settings.model_fields)
    settings, faults = _validate(given)
    if ports := environ.get(SAFE_PORTS, "").strip():
        try:
            given |= _safe_ports(ports, given, settings)
        except ValueError as error:
            mistakes.append(f"{SAFE_PORTS}: {error}")
        settings, faults = _validate(given)
    mistakes += [_told(name, given, problem) for name, problem in faults.items()]
    mistakes += [_told(name, given, problem) for name, problem in _conflicts(settings, faults)]
    mistakes += [_told("engine_preset", given, each) for each in preset_mistakes(settings)]
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def _validate(given: Mapping[str, Given]) -> tuple[Settings, dict[str, str]]:
    """The settings with what is wrong left at its default, and what is wrong by name."""
    try:
        return _settings(given), {}
    except ValidationError as error:
        faults = {str(e["loc"][0]): str(e["ctx"]["error"]) for e in error.errors()}
        return _settings({n: value for n, value in given.items() if n not in faults}), faults


def _settings(given: Mapping[str, Given]) -> Settings:
    texts = {name: value.text for name, value in given.items() if not name.startswith(PRESET)}
    return Settings.model_validate(texts, context=given)


def _conflicts(settings: Settings, faults: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, others, check in CHECKS:
        if faults.keys().isdisjoint((name, *others)) and (problem := check(settings)):
            yield name, problem


def _safe_ports(ports: str, given: Mapping[str, Given], settings: Settings) -> dict[str, Given]:
    """Out of the range that SageMaker leaves to us: a port for each listener that has none."""
    wanted = [name for name in ("engine_url", "admin_port") if name not in given]
    if PORT_WORD not in " ".join(settings.engine_command or ()):
        wanted = [name for name in wanted if name != "engine_url"]  # the engine has its own
    taken = {settings.port}
    if "engine_url" not in wanted:
        taken.update(engine.port for engine in settings.engine_url)
    if "admin_port" not in wanted and settings.admin_port is not None:
        taken.add(settings.admin_port)
    chosen = {}
    for name in wanted:
        taken.add(port := _lowest(ports, taken))
        text = f"http://127.0.0.1:{port}" if name == "engine_url" else str(port)
        chosen[name] = Given(text, f"environment {SAFE_PORTS}", SAFE_PORTS)
    return chosen


def _lowest(ports: str, taken: set[int]) -> int:
    found = _RANGE.fullmatch(ports)
    if found is None or not 0 < int(found[1]) <= int(found[2]) <= 65535:
        raise wrong(ports, "is not a range of ports", 'write it as in "7000-7010"')
    free = next((n for n in range(int(found[1]), int(found[2]) + 1) if n not in taken), None)
    if free is None:
        raise wrong(ports, "has no port left for the admin listener", "set SIDECAR_ADMIN_PORT=off")
    return free


def _told(name: str, given: Mapping[str, Given], problem: str) -> str:
    origin = given[name].origin if name in given else "default"
    where = "" if origin == "environment" else f" ({origin})"
    return f"{variable(name)}{where}: {problem}"


def _one_line(mistake: str) -> str:
    return mistake if mistake.isprintable() else ascii(mistake)[1:-1]
