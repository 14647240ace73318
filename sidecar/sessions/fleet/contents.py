"""What the store on a server keeps in a session: state, events, keys and values."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.errors import BodyTooLarge, SessionNotFound, StoreFull
from sidecar.sessions import data
from sidecar.sessions.counts import Counts
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.operation import Operation
from sidecar.sessions.fleet.script import Script
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
        self._of_state = Operation("state", server, counts)
        self._of_events = Operation("events", server, counts)
        self._of_data = Operation("data", server, counts)

    async def state(self, session_id: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(
            await self._within(self._of_state, scripts.STATE, session_id)
        )
        return state

    async def save(self, session_id: str, state: Mapping[str, Any]) -> None:
        await self._within(self._of_state, scripts.SAVE, session_id, encode_state(state))

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        texts = [json.dumps(dict(each), separators=(",", ":")) for each in events]
        operation = self._of_events
        size = await self._within(operation, scripts.APPEND, session_id, EVENTS_LIMIT, *texts)
        if size < 0:
            raise BodyTooLarge(
                f"the events of a session may have {EVENTS_LIMIT} bytes, "
                f"not {-size}; drop the oldest"
            )

    async def events(self, session_id: str) -> list[dict[str, Any]]:
        found: list[bytes] = await self._within(self._of_events, scripts.LOG, session_id)
        if sum(map(len, found)) < _LARGE:
            return _parsed(found)
        return await asyncio.to_thread(_parsed, found)

    async def drop_events(self, session_id: str, count: int) -> None:
        await self._within(self._of_events, scripts.DROP, session_id, count)

    async def put_data(self, session_id: str, key: str, value: bytes) -> None:
        name = data.file_name(key)
        if len(value) > VALUE_LIMIT:
            raise BodyTooLarge(f"a value may have {VALUE_LIMIT} bytes, not {len(value)}")
        operation = self._of_data
        done = await self._within(operation, scripts.PUT, session_id, name, value, KEYS_LIMIT)
        if done == _NO_ROOM:
            raise StoreFull(f"a session may hold {KEYS_LIMIT} keys; delete one first")

    async def get_data(self, session_id: str, key: str) -> bytes | None:
        name = data.file_name(key)
        (value,) = await self._within(self._of_data, scripts.VALUE, session_id, name)
        return None if value is None else bytes(value)

    async def delete_data(self, session_id: str, key: str) -> bool:
        name = data.file_name(key)
        return bool(await self._within(self._of_data, scripts.DELETE, session_id, name))

    async def data_keys(self, session_id: str) -> list[str]:
        names: list[bytes] = await self._within(self._of_data, scripts.DATA_KEYS, session_id)
        return sorted(name.decode() for name in names)

    async def _within(
        self, operation: Operation, script: Script, session_id: str, *args: str | bytes | int
    ) -> Any:
        """Raises SessionNotFound, StoreUnavailable or StoreFull."""
        if not is_well_formed(session_id):
            raise SessionNotFound(session_id)
        answer = await operation.run(script, self._keys.of(session_id), session_id, *args)
        if answer == _NOT_LIVE:
            raise SessionNotFound(session_id)
        return answer


def _parsed(texts: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]
