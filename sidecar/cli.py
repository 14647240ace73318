"""The command line. What a command needs is imported when it runs: `healthcheck` runs often."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sidecar import __version__

if TYPE_CHECKING:
    from sidecar.config import Settings

PROGRAM = "session-sidecar"

HELP = """\
Stateful sessions in front of an unmodified inference engine.

commands:
  serve, run    start it (serve is SageMaker's word), and what follows --
  check         print every mistake in the configuration; exit 2 if there is one
  config        print every setting and where its value came from
  healthcheck   exit 0 if the sidecar's /ping answers 200, else 1
  presets       list those for SIDECAR_ENGINE_PRESET; presets NAME prints one

A flag wins over SIDECAR_NAME in the environment, and that over the TOML file.
"""

# The settings that people try out by hand; every other one has no flag.
FLAGS = {
    "config": "FILE",
    "engine_url": "URL",
    "engine_command": "COMMAND",
    "host": "ADDRESS",
    "port": "PORT",
    "admin_port": "PORT",
    "sessions_path": "DIRECTORY",
    "log_format": "json|text",
    "log_level": "LEVEL",
}


def main(arguments: Sequence[str] | None = None) -> int:
    own, engine = _split(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    asked = parser.parse_args(own)
    if asked.command is None:
        parser.print_help(sys.stderr)
        return 2
    flags = {name: getattr(asked, name) for name in FLAGS if getattr(asked, name) is not None}
    if engine is not None:
        if not engine:
            parser.error("no command follows --")
        flags["engine_command"] = shlex.join(engine)
    if asked.name is not None and asked.command != "presets":
        parser.error(f"unrecognized arguments: {asked.name}")
    match asked.command:
        case "serve" | "run":
            return _serve(flags)
        case "check":
            return _check(flags)
        case "config":
            return _config(flags, asked.table)
        case "presets":
            return _presets(asked.name)
        case _:
            return _healthcheck(flags)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """What is ours, and behind the first `--` the engine's command, whatever it looks like."""
    if "--" not in arguments:
        return list(arguments), None
    at = arguments.index("--")
    return list(arguments[:at]), list(arguments[at + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage="%(prog)s COMMAND [flags] [-- ENGINE ...] | --help | --version",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    commands = ("serve", "run", "check", "config", "healthcheck", "presets")
    parser.add_argument("command", nargs="?", choices=commands, help=argparse.SUPPRESS)
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    flags = parser.add_argument_group("flags")
    for name, form in FLAGS.items():
        flags.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=form)
    flags.add_argument("--table", action="store_true", help=argparse.SUPPRESS)  # for the README
    version = f"{PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version, help=argparse.SUPPRESS)
    parser.add_argument("--help", "-h", action="help", help=argparse.SUPPRESS)
    return parser


def _serve(flags: dict[str, str]) -> int:
    settings = _settings(flags)
    if settings is None:
        return 2
    if settings.engine_command is not None:
        from sidecar.supervisor.init import leave_to_init

        leave_to_init()
    from sidecar.app import serve

    return serve(settings)


def _check(flags: dict[str, str]) -> int:
    if _settings(flags) is None:
        return 2
    print("configuration is valid")
    return 0


def _config(flags: dict[str, str], table: bool) -> int:
    from sidecar.config import effective, settings_table

    if table:
        print(settings_table())
        return 0
    settings = _settings(flags)
    if settings is None:
        return 2
    print(effective(settings))
    return 0


def _presets(name: str | None) -> int:
    from sidecar.delegation.grammar.load import listing, resolved
    from sidecar.delegation.grammar.source import PresetError

    try:
        print(listing() if name is None else resolved(name))
    except PresetError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _healthcheck(flags: dict[str, str]) -> int:
    from sidecar.healthcheck import ailment

    settings = _settings(flags)
    problem = "the configuration is not valid" if settings is None else ailment(settings)
    if problem:
        print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _settings(flags: dict[str, str]) -> "Settings | None":
    """The settings; without them every mistake is on stderr."""
    from sidecar.config import ConfigurationError, load

    try:
        return load(os.environ, flags)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return None
