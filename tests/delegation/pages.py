"""The pages of docs/presets/ as a play: who says what, client and engine, and what was really said.

A page shows curls with their answers, and in blocks whose lines begin with `>` and `<` what the
engine gets and answers. `…` stands for anything. Ids and times are others each time: the first
real one that is met where a page shows one is what it must be from there on.
"""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Exchange, RecordingEngine

DIRECTORY = Path(__file__).parents[2] / "docs" / "presets"
# Those whose engine is installed with the tests: tests/engines plays their pages.
REAL = ("llamacpp", "triton", "triton-eager", "triton-uint64")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_HEADER = re.compile(r"([A-Za-z][\w-]*): (.*)")
# What tells an engine of a session; all that a request has of these is on its page.
_TELLING = re.compile(r"session|sequence", re.IGNORECASE)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANGING = re.compile(rf"{_UUID}|\b[0-9a-f]{{32}}\b|\b\d{{12,20}}\b|\d{{4}}-\d\d-\d\dT[\d:]+Z")


@dataclass
class Said:
    """A request, or the answer to one: what is compared of it."""

    start: str
    headers: list[str]
    body: str

    def __str__(self) -> str:
        return "\n".join([self.start, *self.headers, _json(self.body)])


@dataclass(frozen=True)
class Page:
    text: str

    @classmethod
    def of(cls, preset: str) -> "Page":
        return cls((DIRECTORY / f"{preset}.md").read_text())

    @property
    def environment(self) -> dict[str, str]:
        words = (word for command, _ in self._commands() for word in shlex.split(command))
        pairs = (word.partition("=") for word in words)
        return {name: value for name, sign, value in pairs if sign and name.startswith("SIDECAR_")}

    @property
    def curls(self) -> list[tuple[str, str]]:
        return [each for each in self._commands() if each[0].startswith("curl ")]

    @property
    def calls(self) -> list[tuple[Said, Said]]:
        """What the engine gets, each with its answer."""
        found = []
        for text in self._blocks("http"):
            for exchange in re.split(r"(?m)^(?=> [A-Z]+ /)", text)[1:]:
                asked, answered = (
                    [line[2:] for line in exchange.splitlines() if line.startswith(sign)]
                    for sign in "><"
                )
                found.append((_said(asked), _said(answered)))
        return found

    def _commands(self) -> Iterator[tuple[str, str]]:
        for text in self._blocks("console"):
            yield from _COMMAND.findall(text)

    def _blocks(self, kind: str) -> list[str]:
        return [text for name, text in _BLOCK.findall(self.text) if name == kind]


def _said(lines: list[str]) -> Said:
    """A start line, header lines, and a body that may have several lines."""
    start, *rest = lines
    headers: list[str] = []
    while rest and _HEADER.fullmatch(rest[0]):
        headers.append(rest.pop(0))
    return Said(start, headers, "\n".join(rest))


def _json(text: str) -> str:
    """In one form, where it is JSON."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text.strip()


@dataclass
class Names:
    """Which real id, or time, is meant where a page shows one."""

    known: dict[str, str] = field(default_factory=dict)

    def learn(self, shown: str, real: str) -> None:
        for ours, theirs in zip(_CHANGING.findall(shown), _CHANGING.findall(real), strict=False):
            self.known.setdefault(ours, theirs)
            self.known.setdefault(ours.replace("-", ""), theirs.replace("-", ""))

    def real(self, shown: str) -> str:
        return _CHANGING.sub(lambda found: self.known.get(found[0], found[0]), shown)


class Play:
    """A page played once: `said` has what it shows, with the real names, beside what was said."""

    def __init__(self, page: Page, engine_url: str | None = None) -> None:
        self._names = Names()
        self._page = page
        self._left = iter(page.calls)
        self._engine_url = engine_url
        self.said: list[tuple[str, str]] = []

    async def run(self) -> None:
        environment = self._page.environment
        environment.pop("SIDECAR_ENGINE_URL")
        async with RecordingEngine(self._answer) as engine:
            async with SidecarProcess(engine.url, **environment) as sidecar:
                for command, answer in self._page.curls:
                    await self._curl(command, answer, sidecar.port)
            assert [record.faults for record in engine.records if record.faults] == []
        assert list(self._left) == [], "the page shows calls that were not made"

    async def _curl(self, command: str, answer: str, port: int) -> None:
        command = self._names.real(command).replace(":8080/", f":{port}/")
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", command, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        self._note(answer.strip(), output.decode().replace("\r", "").strip())

    async def _answer(self, exchange: Exchange) -> None:
        await exchange.read_body()
        shown, answer = next(self._left)
        self._note(str(shown), str(_received(exchange)))
        if self._engine_url is None:
            await _reply(exchange, answer, self._names)
        else:
            await self._relay(exchange, answer)

    async def _relay(self, exchange: Exchange, answer: Said) -> None:
        record = exchange.record
        target = self._engine_url, record.target.decode()
        async with aiohttp.request(
            record.method.decode(),
            "".join(map(str, target)),
            data=bytes(record.body),
            headers={"Content-Type": record.values(b"Content-Type")[0].decode()},
        ) as reply:
            body = await reply.read()
            kind = f"Content-Type: {reply.headers['Content-Type']}".encode()
            self._note(str(answer), str(Said(str(reply.status), [], body.decode())))
            await exchange.reply(body, kind, status=f"{reply.status} {reply.reason}".encode())

    def _note(self, shown: str, real: str) -> None:
        self._names.learn(shown, real)
        self.said.append((self._names.real(shown), real))


def _received(exchange: Exchange) -> Said:
    record = exchange.record
    fields = [f"{name.decode()}: {value.decode()}" for name, value in record.fields]
    return Said(
        f"{record.method.decode()} {record.target.decode()}",
        [line for line in fields if _TELLING.search(line.partition(":")[0])],
        record.body.decode(),
    )


async def _reply(exchange: Exchange, answer: Said, names: Names) -> None:
    headers = [names.real(line).encode() for line in answer.headers]
    if not any(line.lower().startswith(b"content-type:") for line in headers):
        headers.append(b"Content-Type: application/json")
    await exchange.reply(
        names.real(answer.body).encode(), *headers, status=f"{answer.start} Said".encode()
    )


def agrees(shown: str, real: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), real, re.DOTALL) is not None
