"""The command line. What a command needs is imported when it runs: `healthcheck` runs often."""

import argparse
import gc
import os
import shlex
import sys
import textwrap
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
  sessions      list, show ID or close ID: those that live, by the admin port;
                --json for programs

A flag wins over SIDECAR_NAME in the environment, and that over the TOML file.

flags:
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
    asked = parser.parse_intermixed_args(own)  # flags may stand between the words
    if asked.command is None:
        parser.print_help(sys.stderr)
        return 2
    flags = {name: getattr(asked, name) for name in FLAGS if getattr(asked, name) is not None}
    if engine is not None:
        if not engine:
            parser.error("no command follows --")
        flags["engine_command"] = shlex.join(engine)
    if problem := _unexpected(asked):
        parser.error(problem)
    match asked.command:
        case "serve" | "run":
            return _serve(flags)
        case "check":
            return _check(flags)
        case "config":
            return _config(flags, asked.table)
        case "presets":
            return _presets(*asked.words)
        case "sessions":
            return _sessions(flags, asked.words, asked.json)
        case _:
            return _healthcheck(flags)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """What is ours, and behind the first `--` the engine's command, whatever it looks like."""
    if "--" not in arguments:
        return list(arguments), None
    at = arguments.index("--")
    return list(arguments[:at]), list(arguments[at + 1 :])


def _unexpected(asked: argparse.Namespace) -> str | None:
    """What is wrong with the words behind the command."""
    match asked.command, asked.words:
        case ("sessions", ["list"] | ["show", _] | ["close", _]):
            return None
        case ("sessions", _):
            return "write sessions list, sessions show ID or sessions close ID"
        case _ if asked.json:
            return "--json is for sessions"
        case (_, []) | ("presets", [_]):
            return None
        case _:
            return f"unrecognized arguments: {' '.join(asked.words)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage="%(prog)s COMMAND [flags] [-- ENGINE ...] | --help | --version",
        description=HELP + _flag_list(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    commands = ("serve", "run", "check", "config", "healthcheck", "presets", "sessions")
    parser.add_argument("command", nargs="?", choices=commands, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    for name in FLAGS:
        parser.add_argument(_flag(name), dest=name, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--table", action="store_true", help=argparse.SUPPRESS)  # for the README
    version = f"{PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version, help=argparse.SUPPRESS)
    parser.add_argument("--help", "-h", action="help", help=argparse.SUPPRESS)
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _flag_list() -> str:
    """A flag and its value stay on one line."""
    each = [f"{_flag(name)}\0{form}" for name, form in FLAGS.items()]
    lines = textwrap.wrap("  ".join(each), 76, break_on_hyphens=False)
    return textwrap.indent("\n".join(lines), "  ").replace("\0", " ")


def _serve(flags: dict[str, str]) -> int:
    gc.disable()  # until all is imported: 50 ms of a start, and nothing of it is garbage
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


def _presets(name: str | None = None) -> int:
    from sidecar.delegation.grammar.load import listing, resolved
    from sidecar.delegation.grammar.source import PresetError

    try:
        print(listing() if name is None else resolved(name))
    except PresetError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _sessions(flags: dict[str, str], words: Sequence[str], as_json: bool) -> int:
    from sidecar.commands.sessions import sessions

    settings = _settings(flags)
    return 2 if settings is None else sessions(settings, words, as_json=as_json)


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
