"""Answers that were given, kept in the session for a client that did not get them.

An entry is written before the agent is asked, and again with the answer: a turn whose process died
has the first one only. It is not run again, for nobody knows how far the agent came.
"""

import base64
import json
from contextlib import suppress
from typing import Any, Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.runtime.record import Interrupted, Record, Start
from sidecar.errors import BodyTooLarge, SessionNotFound, StoreFailed, StoreFull
from sidecar.sessions.store import Store

_MOST: Final = 16


class Kept:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, session: str, invocation: str) -> Record | None:
        """The answer to that call, complete. Raises Interrupted if there is none to be had."""
        for key in await self._keys(session):
            if key.endswith(invocation):
                value = await self._store.get_data(session, key)
                return None if value is None else _record(json.loads(value))
        return None

    async def begin(self, session: str, invocation: str) -> str:
        """The entry's key."""
        keys = await self._keys(session)
        for key in keys[: max(0, len(keys) - _MOST + 1)]:
            await self._store.delete_data(session, key)
        key = f"turn-{int(self._clock.wall() * 1000):014d}-{invocation}"
        await self._store.put_data(session, key, b"{}")
        return key

    async def finish(
        self, session: str, key: str, record: Record, error: Interrupted | None
    ) -> None:
        """Before the record is finished, so that no client has all of an answer that is not kept.
        What cannot be kept costs a later attempt its answer, not this one."""
        value = json.dumps(_entry(record, error)).encode()
        with suppress(SessionNotFound, StoreFailed, StoreFull):
            try:
                await self._store.put_data(session, key, value)
            except BodyTooLarge:
                await self._store.put_data(session, key, b'{"large": true}')

    async def withdraw(self, session: str, key: str) -> None:
        """The agent was never asked."""
        with suppress(SessionNotFound, StoreFailed):
            await self._store.delete_data(session, key)

    async def _keys(self, session: str) -> list[str]:
        """Oldest first."""
        return [key for key in await self._store.data_keys(session) if key.startswith("turn-")]


def _entry(record: Record, error: Interrupted | None) -> dict[str, Any]:
    start = record.start
    if error is not None or start is None:
        return {"error": error.message if error else "the turn has ended without an answer"}
    if not record.is_kept:
        return {"large": True}
    return {
        "status": start.status,
        "type": start.content_type,
        "headers": start.headers,
        "body": base64.b64encode(b"".join(record.pieces)).decode(),
    }


def _record(entry: dict[str, Any]) -> Record:
    if "error" in entry:
        raise Interrupted(entry["error"])
    if "large" in entry:
        raise Interrupted("this turn was answered before, with too much to be repeated")
    if "body" not in entry:
        raise Interrupted("this turn was begun before the sidecar was restarted; see the agent")
    record = Record()
    headers = tuple((name, value) for name, value in entry["headers"])
    record.begin(Start(entry["status"], entry["type"], headers))
    record.pieces.append(base64.b64decode(entry["body"]))
    record.finish()
    return record
