"""A page of a preset, played: its curls against a sidecar, whose engine answers as the page says.

Or with the real engine behind it, which answers as it does. Ids and times are others each time:
the first real one that is met where a page shows one is what it must be from there on.
"""

import asyncio
import re

import aiohttp

from tests.delegation.pages import Page, Said
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Exchange, RecordingEngine

# Of a request's headers, those that tell an engine of a session: all of them are on the page.
_TELLING = re.compile(r"session|sequence", re.IGNORECASE)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANGING = re.compile(rf"{_UUID}|\b[0-9a-f]{{32}}\b|\b\d{{12,20}}\b|\d{{4}}-\d\d-\d\dT[\d:]+Z")


class Names:
    """Which real id, or time, is meant where a page shows one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, shown: str, real: str) -> None:
        for ours, theirs in zip(_CHANGING.findall(shown), _CHANGING.findall(real), strict=False):
            self._known.setdefault(ours, theirs)
            self._known.setdefault(ours.replace("-", ""), theirs.replace("-", ""))

    def real(self, shown: str) -> str:
        return _CHANGING.sub(lambda found: self._known.get(found[0], found[0]), shown)


class Play:
    """`said`: what the page shows, with the real names, beside what was really said."""

    def __init__(self, page: Page, engine_url: str | None = None) -> None:
        self.said: list[tuple[str, str]] = []
        self._page = page
        self._engine_url = engine_url
        self._names = Names()
        self._left = iter(page.calls)

    async def run(self) -> None:
        variables = self._page.environment
        del variables["SIDECAR_ENGINE_URL"]
        async with RecordingEngine(self._answer) as engine:
            async with SidecarProcess(engine.url, **variables) as sidecar:
                for command, printed in self._page.curls:
                    await self._curl(command.replace(":8080/", f":{sidecar.port}/"), printed)
            assert [record.faults for record in engine.records if record.faults] == []
        assert list(self._left) == [], "the page shows calls that were not made"

    async def _curl(self, command: str, printed: str) -> None:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", self._names.real(command), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        self._note(printed.strip(), output.decode().replace("\r", "").strip())

    async def _answer(self, exchange: Exchange) -> None:
        await exchange.read_body()
        asked, answer = next(self._left)
        self._note(str(asked), str(_received(exchange)))
        if self._engine_url is None:
            await self._recite(exchange, answer)
        else:
            await self._relay(exchange, self._engine_url, answer)

    async def _recite(self, exchange: Exchange, answer: Said) -> None:
        lines = [self._names.real(line).encode() for line in answer.headers]
        if not any(line.startswith(b"Content-Type:") for line in lines):
            lines.append(b"Content-Type: application/json")
        body = self._names.real(answer.body).encode()
        await exchange.reply(body, *lines, status=f"{answer.start} Recited".encode())

    async def _relay(self, exchange: Exchange, engine_url: str, answer: Said) -> None:
        record = exchange.record
        async with aiohttp.request(
            record.method.decode(),
            engine_url + record.target.decode(),
            data=bytes(record.body),
            headers={"Content-Type": "application/json"},
        ) as reply:
            body = await reply.read()
        self._note(str(answer), str(Said(str(reply.status), [], body.decode())))
        kind = f"Content-Type: {reply.headers['Content-Type']}".encode()
        await exchange.reply(body, kind, status=f"{reply.status} Relayed".encode())

    def _note(self, shown: str, real: str) -> None:
        self._names.learn(shown, real)
        self.said.append((self._names.real(shown), real))


def _received(exchange: Exchange) -> Said:
    record = exchange.record
    fields = [(name.decode(), value.decode()) for name, value in record.fields]
    headers = [f"{name}: {value}" for name, value in fields if _TELLING.search(name)]
    return Said(f"{record.method.decode()} {record.target.decode()}", headers, record.body.decode())
