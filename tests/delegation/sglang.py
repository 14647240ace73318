"""What SGLang 0.5.23 says over HTTP about its sessions, word for word; it needs a GPU to run.

Its answer to /generate is the text that the session holds, so that a test sees what is in it.
Sources: entrypoints/http_server.py, managers/session_controller.py, managers/scheduler.py.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.harness.behaviours import chunked
from tests.harness.recording_engine import Exchange, RecordingEngine

TAKEN = "Failed to open the session. Check if a session with the same id is still open."
UNKNOWN = "Invalid request: session id {} does not exist"
NO_SUCH_TURN = "Invalid request session id"
BUSY = "Streaming session already has an active request."


@dataclass
class Held:
    """streaming: a list of turns. Else a tree: a turn's id leads to all that is before it."""

    streaming: bool
    turns: dict[str, str] = field(default_factory=dict)
    newest: str = ""
    active: bool = False


class Refused(Exception):
    pass


class SGLang:
    """Answers on an engine that records."""

    def __init__(self, engine: RecordingEngine) -> None:
        self.sessions: dict[str, Held] = {}
        self.answers = asyncio.Event()
        self.answers.set()
        self.breaks_off = False
        engine.on(b"/open_session", self._open)
        engine.on(b"/close_session", self._close)
        engine.on(b"/generate", self._generate)

    async def _open(self, exchange: Exchange) -> None:
        asked = await _asked(exchange)
        if not isinstance(asked.get("capacity_of_str_len"), int):
            return await _refuse(exchange, "capacity_of_str_len: Field required")
        session_id = asked.get("session_id") or uuid4().hex
        if session_id in self.sessions:
            return await _refuse(exchange, TAKEN)
        self.sessions[session_id] = Held(bool(asked.get("streaming")))
        await _json(exchange, session_id)

    async def _close(self, exchange: Exchange) -> None:
        """An id that is unknown is no error."""
        self.sessions.pop((await _asked(exchange))["session_id"], None)
        await exchange.reply()

    async def _generate(self, exchange: Exchange) -> None:
        asked = await _asked(exchange)
        try:
            answer = await self._turn(asked)
        except Refused as error:
            if asked.get("stream"):
                failure = {"error": {"message": str(error), "type": "BadRequest", "code": 400}}
                return await _stream(exchange, [failure])
            return await _refuse(exchange, str(error))
        if self.breaks_off:
            return await exchange.reset()
        if not asked.get("stream"):
            return await _json(exchange, answer)
        await _stream(exchange, [answer | {"text": ""}, answer])

    async def _turn(self, asked: dict[str, Any]) -> dict[str, Any]:
        params = asked.get("session_params")
        if params is None:
            return _answer(asked["text"], uuid4().hex)
        held = self.sessions.get(params["id"])
        if held is None:
            raise Refused(UNKNOWN.format(params["id"]))
        if held.streaming and held.active:
            raise Refused(BUSY)
        held.active = True
        try:
            await self.answers.wait()
        finally:
            held.active = False
        rid = params.get("rid")
        if rid is not None and rid not in held.turns:
            raise Refused(NO_SUCH_TURN)
        before = held.turns.get(held.newest if held.streaming else rid or "", "")
        text, held.newest = f"{before} {asked['text']}".strip(), uuid4().hex
        held.turns[held.newest] = text
        return _answer(text, held.newest)


def _answer(text: str, rid: str) -> dict[str, Any]:
    return {"text": text, "meta_info": {"id": rid, "finish_reason": {"type": "stop"}}}


async def _asked(exchange: Exchange) -> dict[str, Any]:
    await exchange.read_body()
    found: dict[str, Any] = json.loads(exchange.record.body)
    return found


async def _json(exchange: Exchange, value: Any) -> None:
    await exchange.reply(json.dumps(value).encode(), b"Content-Type: application/json")


async def _refuse(exchange: Exchange, message: str) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    await exchange.reply(body, b"Content-Type: application/json", status=b"400 Bad Request")


async def _stream(exchange: Exchange, events: list[dict[str, Any]]) -> None:
    pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    await exchange.send(chunked([*pieces, b"data: [DONE]\n\n"], b"Content-Type: text/event-stream"))
