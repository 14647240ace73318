"""Conversations for a stateless engine: what was said is kept in the session's own log.

`{"action": "init", "system": "…"}` begins one anew, `{"message": "…"}` is a turn of it.
"""

import json
from contextlib import suppress
from typing import Any, Final

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.tasks import Live
from sidecar.dialects.inferencesh.upstream import CallFailed, asked, whole
from sidecar.engine.engine import Engine
from sidecar.engine.exchange import Exchange
from sidecar.engine.request import EngineRequest
from sidecar.errors import BodyTooLarge, SessionNotFound
from sidecar.sse import Event, EventReader
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

_DONE: Final = "[DONE]"


class Chat:
    """limit: of an engine's answer, in bytes."""

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit

    async def answer(
        self, live: Live, app: App, path: str, engine: Engine, session: Session | None, given: Any
    ) -> dict[str, Any]:
        """Raises CallFailed, with the conversation as it was, or WorkerGone."""
        if not isinstance(given, dict):
            raise CallFailed("input must be an object with message, or with action and system")
        if given.get("action") == "init":
            return await self._begin(session, given)
        message = given.get("message")
        if not isinstance(message, str):
            raise CallFailed("input.message must be a text")
        said = {"role": "user", "content": message}
        history = [] if session is None else await self._store.events(session.id)
        body: dict[str, Any] = {"messages": [*history, said], "stream": True}
        if app.model is not None:
            body["model"] = app.model
        text = await self._ask(live, engine, path, body)
        if session is not None:
            await self._keep(session, [said, {"role": "assistant", "content": text}])
        return {"response": text}

    async def _begin(self, session: Session | None, given: dict[str, Any]) -> dict[str, Any]:
        system = given.get("system")
        if session is not None:
            old = await self._store.events(session.id)
            if old:
                await self._store.drop_events(session.id, len(old))
            if isinstance(system, str):
                await self._keep(session, [{"role": "system", "content": system}])
        return {"response": ""}

    async def _keep(self, session: Session, messages: list[dict[str, Any]]) -> None:
        try:
            await self._store.append(session.id, messages)
        except BodyTooLarge:
            raise CallFailed("the conversation is too long to be kept: begin it anew") from None
        except SessionNotFound as error:
            raise CallFailed(error.message) from None

    async def _ask(self, live: Live, engine: Engine, path: str, body: dict[str, Any]) -> str:
        lines = [b"Content-Type: application/json\r\n", b"Accept-Encoding: identity\r\n"]
        request = EngineRequest("POST", path, lines, json.dumps(body).encode())
        async with asked(engine, request) as (reply, exchange):
            if reply.is_event_stream:
                return await self._read_events(live, exchange)
            return _content(await whole(exchange, self._limit))

    async def _read_events(self, live: Live, exchange: Exchange) -> str:
        reader, words, size = EventReader(), list[str](), 0
        while piece := await exchange.read():
            size += len(piece)
            if size > self._limit:
                raise CallFailed(f"upstream answered with more than {self._limit} bytes")
            for event in reader.feed(piece):
                if word := _word(event):
                    words.append(word)
                    live.deltas.append(word)
                    live.tell()
        for event in reader.end():
            words.append(_word(event))
        return "".join(words)


def _word(event: Event) -> str:
    """Raises CallFailed for an error that came inside the stream."""
    if event.data.strip() == _DONE:
        return ""
    with suppress(ValueError, RecursionError):
        chunk = json.loads(event.data)
        if isinstance(chunk, dict) and chunk.get("error"):
            raise CallFailed(f"upstream broke off: {json.dumps(chunk['error'])[:300]}")
        return _at(chunk, "delta")
    return ""


def _content(body: bytes) -> str:
    with suppress(ValueError, RecursionError):
        return _at(json.loads(body), "message")
    raise CallFailed("upstream did not answer with a chat completion")


def _at(tree: Any, name: str) -> str:
    """The first choice's text."""
    try:
        text = tree["choices"][0][name].get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""
    return text if isinstance(text, str) else ""
