"""What was set, by whom: flags > environment > TOML file. Everything is still text here.

An empty value counts as not set, in every source: `SIDECAR_PORT=${PORT:-}` in a compose file must
mean the default.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

PREFIX = "SIDECAR_"
PRESET = "preset_"  # the variables of presets, whose names the presets make up

# The platform's own names. A setting's own name wins over them.
ALIASES = {
    "port": "SAGEMAKER_BIND_TO_PORT",
    "engine_restart": "PROCESS_AUTO_RECOVERY",
    "engine_restarts_max": "PROCESS_MAX_START_RETRIES",
    "sessions": "SAGEMAKER_ENABLE_STATEFUL_SESSIONS",
    "sessions_path": "SAGEMAKER_SESSIONS_PATH",
    "sessions_ttl": "SAGEMAKER_SESSIONS_EXPIRATION",
    "log_level": "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "create_session_defaults": "SAGEMAKER_TRANSFORMS_CREATE_SESSION_DEFAULTS",
    "close_session_defaults": "SAGEMAKER_TRANSFORMS_CLOSE_SESSION_DEFAULTS",
}


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where: "flag --port", "file /etc/sidecar.toml", ..."""

    text: str
    origin: str
    alias: str = ""


def variable(name: str) -> str:
    return PREFIX + name.upper()


def gather(
    flags: Mapping[str, str], environ: Mapping[str, str], known: Collection[str]
) -> tuple[dict[str, Given], list[str]]:
    """What is set, and the mistakes in names and in the file."""
    environment, mistakes = _environment(environ, known)
    asked = _flags(flags)
    path = (environment | asked).get("config")
    written, mistakes_of_file = _file(path, known) if path else ({}, [])
    return written | _aliases(environ) | environment | asked, mistakes + mistakes_of_file


def _flags(flags: Mapping[str, str]) -> dict[str, Given]:
    return {
        name: Given(text.strip(), f"flag --{name.replace('_', '-')}")
        for name, text in flags.items()
        if text.strip()
    }


def _aliases(environ: Mapping[str, str]) -> dict[str, Given]:
    return {
        name: Given(environ[alias].strip(), f"environment {alias}", alias)
        for name, alias in ALIASES.items()
        if environ.get(alias, "").strip()
    }


def _environment(
    environ: Mapping[str, str], known: Collection[str]
) -> tuple[dict[str, Given], list[str]]:
    given, mistakes = {}, []
    variables = {variable(name): name for name in known}
    for key, text in environ.items():
        if not key.startswith(PREFIX) or not text.strip():
            continue
        name = variables.get(key) or key.removeprefix(PREFIX).lower()
        if key in variables or name.startswith(PRESET):
            given[name] = Given(text.strip(), "environment")
        else:
            meant = _closest(key.removeprefix(PREFIX), known)
            mistakes.append(f"{key}: there is no such setting; {_fix(meant and variable(meant))}")
    return given, mistakes


def _file(path: Given, known: Collection[str]) -> tuple[dict[str, Given], list[str]]:
    try:
        values = tomllib.loads(Path(path.text).read_text("utf-8"))
    except OSError as error:
        return {}, [f"SIDECAR_CONFIG: {path.text} cannot be read ({error.strerror}); correct it"]
    except ValueError as error:  # TOML's grammar, UTF-8, a zero byte in the path
        return {}, [f"SIDECAR_CONFIG: {path.text} is not a TOML file ({error}); correct it"]
    given, mistakes = {}, []
    for key, value in values.items():
        text = _text(value)
        where = f"{key} (file {path.text})"
        if key == "config":
            mistakes.append(f"{where}: a file cannot name another file; remove it")
        elif key not in known and not key.startswith(PRESET):
            mistakes.append(f"{where}: there is no such setting; {_fix(_closest(key, known))}")
        elif text is None:
            mistakes.append(f"{where}: is a {type(value).__name__}; write a string or a number")
        elif text:
            given[key] = Given(text, f"file {path.text}")
    return given, mistakes


def _text(value: object) -> str | None:
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float() | str():
            return str(value).strip()
        case _:
            return None


def _closest(name: str, known: Collection[str]) -> str:
    plain = name.lower().removeprefix(PREFIX.lower())
    return next(iter(get_close_matches(plain, known, n=1)), "")


def _fix(meant: str) -> str:
    return f"did you mean {meant}?" if meant else "remove it (the README lists every setting)"
