"""Conversations for a stateless engine: what was said is kept in the session's own log.

`{"action": "init", "system": "…"}` begins one anew, `{"message": "…"}` is a turn of it. What else
an input has is for the engine, such as `max_tokens`.
"""

import json
from typing import Any, Final

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.errors import CallFailed
from sidecar.dialects.inferencesh.live import Live
from sidecar.dialects.inferencesh.upstream import AS_JSON, asked, whole
from sidecar.dialects.inferencesh.words import content, read_words
from sidecar.engine.engine import Engine
from sidecar.engine.request import EngineRequest
from sidecar.errors import BodyTooLarge
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

_OURS: Final = ("action", "system", "message")


class Chat:
    """limit: of an engine's answer, in bytes; within: seconds to its first byte."""

    def __init__(self, store: Store, limit: int, within: float | None) -> None:
        self._store = store
        self._limit = limit
        self._within = within

    async def answer(
        self, live: Live, app: App, path: str, engine: Engine, session: Session | None, given: Any
    ) -> dict[str, Any]:
        """Raises CallFailed, with the conversation as it was, or WorkerGone."""
        if not isinstance(given, dict):
            raise CallFailed("input must be an object with message, or with action and system")
        if given.get("action") == "init":
            return await self._begin(session, given.get("system"))
        message = given.get("message")
        if not isinstance(message, str):
            raise CallFailed("input.message must be a text")
        said = {"role": "user", "content": message}
        history = [] if session is None else await self._store.events(session.id)
        options = {name: value for name, value in given.items() if name not in _OURS}
        body = {**options, "messages": [*history, said], "stream": True}
        if app.model is not None:
            body["model"] = app.model
        text = await self._ask(live, engine, path, body)
        if session is not None:
            await self._keep(session, [said, {"role": "assistant", "content": text}])
        return {"response": text}

    async def _begin(self, session: Session | None, system: Any) -> dict[str, Any]:
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

    async def _ask(self, live: Live, engine: Engine, path: str, body: dict[str, Any]) -> str:
        request = EngineRequest("POST", path, [*AS_JSON, *live.cause], json.dumps(body).encode())
        async with asked(engine, request, within=self._within) as (reply, exchange):
            if reply.is_event_stream:
                text, _ = await read_words(live, exchange, self._limit)
                return text
            return content(await whole(exchange, self._limit))
