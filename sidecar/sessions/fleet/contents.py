"""What the store on a server keeps in a session: state, events, keys and values."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.errors import (
    BodyTooLarge,
    SessionNotFound,
    StoreFailed,
    StoreFull,
)
from sidecar.sessions import data
from sidecar.sessions.counts import Counts
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.scripts import Script
from sidecar.sessions.fleet.server import Server
from sidecar.sessions.record import encode_state
from sidecar.sessions.session import is_well_formed
from sidecar.sessions.store import EVENTS_LIMIT, KEYS_LIMIT, VALUE_LIMIT

# As in the store on a file system: the loop is not to stand still for 5 ms.
_LARGE = 256 * 1024
_NOT_LIVE = -1
_NO_ROOM = -2


class ServerContents:
    """A `Contents`."""

    def __init__(self, server: Server, keys: Keys, counts: Counts) -> None:
        self._server = server
        self._keys = keys
        self._counts = counts

    async def state(self, session_id: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(await self._within(scripts.STATE, session_id))
        return state

    async def save(self, session_id: str, state: Mapping[str, Any]) -> None:
        await self._within(scripts.SAVE, session_id, encode_state(state))

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        texts = [json.dumps(dict(each), separators=(",", ":")) for each in events]
        size = await self._within(scripts.APPEND, session_id, EVENTS_LIMIT, *texts)
        if size < 0:
            raise BodyTooLarge(
                f"the events of a session may have {EVENTS_LIMIT} bytes, "
                f"not {-size}; drop the oldest"
            )

    async def events(self, session_id: str) -> list[dict[str, Any]]:
        found: list[bytes] = await self._within(scripts.LOG, session_id)
        if sum(map(len, found)) < _LARGE:
            return _parsed(found)
        return await asyncio.to_thread(_parsed, found)

    async def drop_events(self, session_id: str, count: int) -> None:
        await self._within(scripts.DROP, session_id, count)

    async def put_data(self, session_id: str, key: str, value: bytes) -> None:
        name = data.file_name(key)
        if len(value) > VALUE_LIMIT:
            raise BodyTooLarge(f"a value may have {VALUE_LIMIT} bytes, not {len(value)}")
        done = await self._within(scripts.PUT, session_id, name, value, KEYS_LIMIT)
        if done == _NO_ROOM:
            raise StoreFull(f"a session may hold {KEYS_LIMIT} keys; delete one first")

    async def get_data(self, session_id: str, key: str) -> bytes | None:
        (value,) = await self._within(scripts.VALUE, session_id, data.file_name(key))
        return None if value is None else bytes(value)

    async def delete_data(self, session_id: str, key: str) -> bool:
        return bool(await self._within(scripts.DELETE, session_id, data.file_name(key)))

    async def data_keys(self, session_id: str) -> list[str]:
        names: list[bytes] = await self._within(scripts.DATA_KEYS, session_id)
        return sorted(name.decode() for name in names)

    async def _within(self, script: Script, session_id: str, *args: str | bytes | int) -> Any:
        """Raises SessionNotFound, StoreUnavailable or StoreFull."""
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        answer = await self._counted(script, session_id, *args)
        if answer == _NOT_LIVE:
            raise SessionNotFound(session_id)
        return answer

    async def _counted(self, script: Script, session_id: str, *args: str | bytes | int) -> Any:
        began = time.monotonic()
        try:
            answer = await self._server.run(script, self._keys.of(session_id), session_id, *args)
        except StoreFull:
            self._counts.refused += 1
            raise
        except StoreFailed:
            self._counts.failed += 1
            raise
        self._counts.answered += 1
        self._counts.waited += time.monotonic() - began
        return answer


def _parsed(texts: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]
