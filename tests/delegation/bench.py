"""A preset at work in front of an engine that records, with the store's time in the test's hand."""

import asyncio
import json
from pathlib import Path
from typing import Any

from sidecar.config import EngineAddress
from sidecar.delegation.compose import make_delegation
from sidecar.delegation.grammar.load import NO_DEFAULTS, load_preset
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.grammar.templates import Defaults
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.headers import Vocabulary
from sidecar.sessions.session import Session
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.recording_engine import Behaviour, Exchange, Record, RecordingEngine
from tests.sessions.contract import TmpfsPlace

TTL = 600.0
PLAIN: dict[str, Any] = {
    "create": {"path": "/open", "id": "body.id"},
    "close": {"path": "/close", "body": {"id": "${engine_id}"}, "gone": [404]},
}


def written(directory: Path, tree: dict[str, Any]) -> str:
    """The path of an own preset."""
    path = directory / "own.json"
    path.write_text(json.dumps(tree))
    return str(path)


def preset_of(
    directory: Path, tree: dict[str, Any] | str, defaults: Defaults = NO_DEFAULTS, **given: str
) -> Preset:
    """A packaged one by name, or an own one."""
    name = tree if isinstance(tree, str) else written(directory, tree)
    return load_preset(name, given, defaults)


class Bench:
    """One process of the sidecar: a keeper and a companion, an engine and a store."""

    def __init__(
        self, preset: Preset, place: TmpfsPlace, *ports: int, sessions_max: int | None = None
    ) -> None:
        self.store: TmpfsStore = place.store(sessions_max)
        replicas = Replicas([engine_at(port) for port in ports])
        self.engines = replicas.engines
        self.engine = self.engines[0]
        made = make_delegation(preset, self.store, replicas, TTL, place.clock)
        self.keeper, self.companion = made.keeper, made.companion
        self.store.on_ended = self.keeper.ended

    async def open(self, origin: EngineRequest | None = None) -> Session:
        return await self.keeper.open(self.engine, origin, None)

    async def live(self) -> list[Session]:
        return await self.store.list_sessions(1000)

    async def stop(self) -> None:
        await self.keeper.stop()
        for engine in self.engines:
            engine.close()


def engine_at(port: int) -> Engine:
    address = EngineAddress(f"http://127.0.0.1:{port}", "127.0.0.1", port)
    engine = Engine(address, Vocabulary(None), connect_timeout=5, idle_limit=4)
    engine.ready = True
    return engine


def answering(body: Any, status: bytes = b"200 OK", *lines: bytes) -> Behaviour:
    """JSON."""

    async def answer(exchange: Exchange) -> None:
        await exchange.read_body()
        text = json.dumps(body).encode()
        await exchange.reply(text, b"Content-Type: application/json", *lines, status=status)

    return answer


def in_turn(*answers: Behaviour) -> Behaviour:
    """Each of them once."""
    left = iter(answers)

    async def answer(exchange: Exchange) -> None:
        await next(left)(exchange)

    return answer


async def hold(exchange: Exchange) -> None:
    """Neither answers nor ends before the client does."""
    await exchange.read_body()
    await exchange.wire.gone.wait()
    exchange.keep_alive = False


def after(event: asyncio.Event, body: Any) -> Behaviour:
    """That answer, once the test says so."""

    async def answer(exchange: Exchange) -> None:
        await event.wait()
        await answering(body)(exchange)

    return answer


def body_of(record: Record) -> Any:
    return json.loads(record.body)


def bodies(engine: RecordingEngine, path: bytes) -> list[Any]:
    return [body_of(record) for record in engine.at(path)]
