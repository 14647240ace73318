"""Answers that were given, kept in the session for a client that did not get them.

turn-<time>-<call>    before the agent is asked, and again with its answer: a turn whose process
                      died has the first only. It is not run again, for nobody knows how far the
                      agent came
wait-<call>           at another worker somebody waits for that turn; it changes while he does
"""

import base64
import json
from contextlib import suppress
from typing import Any, Final

from sidecar.clock import Clock
from sidecar.dialects.agentcore.runtime.record import Interrupted, Record, Start
from sidecar.errors import SessionNotFound, StoreFailed, StoreFull
from sidecar.sessions.store import Store

# A session keeps 3 MB at most: a container's /dev/shm has 64 MiB by default (Docker, Kubernetes).
_MOST: Final = 8
_LARGEST: Final = 256 * 1024


class Kept:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, session: str, invocation: str) -> tuple[Start, bytes] | None:
        """The answer to that call, complete. Raises Interrupted if there is none to be had."""
        keys = await self._store.data_keys(session)
        if (waited := f"wait-{invocation}") in keys:
            await self._store.delete_data(session, waited)
        for key in keys:
            if key.startswith("turn-") and key.endswith(invocation):
                value = await self._store.get_data(session, key)
                return None if value is None else _answer(json.loads(value))
        return None

    async def begin(self, session: str, invocation: str) -> str:
        """The entry's key."""
        keys = [key for key in await self._store.data_keys(session) if key.startswith("turn-")]
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
            await self._store.put_data(session, key, value)

    async def withdraw(self, session: str, key: str) -> None:
        """The agent was never asked."""
        with suppress(SessionNotFound, StoreFailed):
            await self._store.delete_data(session, key)

    async def ask(self, session: str, invocation: str, mark: str) -> None:
        """Somebody waits here for a turn that runs elsewhere; `mark` is another one each time."""
        await self._store.put_data(session, f"wait-{invocation}", mark.encode())

    async def asked(self, session: str, invocation: str) -> bytes | None:
        """The last mark of somebody who waits elsewhere."""
        return await self._store.get_data(session, f"wait-{invocation}")


def _entry(record: Record, error: Interrupted | None) -> dict[str, Any]:
    start = record.start
    if error is not None or start is None:
        return {"error": error.message if error else "the turn has ended without an answer"}
    if not record.is_kept or record.size > _LARGEST:
        return {"large": True}
    return {
        "status": start.status,
        "type": start.content_type,
        "headers": start.headers,
        "body": base64.b64encode(b"".join(record.pieces)).decode(),
    }


def _answer(entry: dict[str, Any]) -> tuple[Start, bytes]:
    if "error" in entry:
        raise Interrupted(entry["error"])
    if "large" in entry:
        raise Interrupted("this turn was answered before, with too much to be repeated")
    if "body" not in entry:
        raise Interrupted("this turn was begun before the sidecar was restarted; see the agent")
    headers = tuple((name, value) for name, value in entry["headers"])
    start = Start(entry["status"], entry["type"], headers)
    return start, base64.b64decode(entry["body"])
