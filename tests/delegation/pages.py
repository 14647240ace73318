"""The pages of docs/presets/ as a play: who says what, client and engine.

A page shows settings and curls in blocks of the console, and what the engine gets and answers in
blocks whose lines begin with `>` and `<`. `…` stands for anything.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[2] / "docs" / "presets"
# Those whose engine is installed with the tests: tests/engines plays their pages.
REAL = ("llamacpp", "triton", "triton-eager", "triton-uint64")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_EXCHANGE = re.compile(r"^(?=> [A-Z]+ /)", re.MULTILINE)
_HEADER = re.compile(r"[A-Za-z][\w-]*: .*")


@dataclass
class Said:
    """A request or an answer: its method and target, or its status, and what is told of it."""

    start: str
    headers: list[str]
    body: str

    def __str__(self) -> str:
        return "\n".join([self.start, *self.headers, _in_one_form(self.body)]).strip()


@dataclass(frozen=True)
class Page:
    text: str

    @classmethod
    def of(cls, preset: str) -> "Page":
        return cls((DIRECTORY / f"{preset}.md").read_text())

    @property
    def environment(self) -> dict[str, Any]:
        words = (word for command, _ in self._commands() for word in shlex.split(command))
        pairs = (word.partition("=") for word in words)
        return {name: value for name, sign, value in pairs if sign and name.startswith("SIDECAR_")}

    @property
    def curls(self) -> list[tuple[str, str]]:
        """Each with what it prints."""
        return [each for each in self._commands() if each[0].startswith("curl ")]

    @property
    def calls(self) -> list[tuple[Said, Said]]:
        """What the engine gets, each with its answer."""
        exchanges = [
            exchange for text in self._blocks("http") for exchange in _EXCHANGE.split(text)[1:]
        ]
        return [(_asked(_lines(each, "> ")), _answered(_lines(each, "< "))) for each in exchanges]

    def _commands(self) -> Iterator[tuple[str, str]]:
        for text in self._blocks("console"):
            yield from _COMMAND.findall(text)

    def _blocks(self, kind: str) -> list[str]:
        return [text for name, text in _BLOCK.findall(self.text) if name == kind]


def _lines(exchange: str, sign: str) -> list[str]:
    found = [line for line in exchange.splitlines() if line.startswith(sign)]
    return [line.removeprefix(sign) for line in found]


def _asked(lines: list[str]) -> Said:
    start, *rest = lines
    headers = [line for line in rest if _HEADER.fullmatch(line)]
    return Said(start, headers, "\n".join(rest[len(headers) :]))


def _answered(lines: list[str]) -> Said:
    """A short body stands behind the status."""
    status, _, body = lines[0].partition(" ")
    return _asked([status, *lines[1:], *([body] if body else [])])


def _in_one_form(text: str) -> str:
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text.strip()


def agrees(shown: str, real: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), real, re.DOTALL) is not None
