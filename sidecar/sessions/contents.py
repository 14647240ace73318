"""What the store on a file system keeps in a session: state, events, keys and values.

Each call is made on the loop, except for what may take milliseconds, which a thread does.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sidecar.clock import Clock
from sidecar.errors import SessionNotFound, StoreFailed, StoreFull, StoreUnavailable
from sidecar.sessions import data, turns
from sidecar.sessions import events as log
from sidecar.sessions.counts import Counts, Op
from sidecar.sessions.folder import Folder
from sidecar.sessions.layout import Layout
from sidecar.sessions.record import Damaged, encode_state, read_record, replace_record
from sidecar.sessions.root import NO_ROOM

T = TypeVar("T")

# Parsing takes 10 us for each KiB (CPython 3.11), and the loop is not to stand still for 5 ms.
_LARGE = 256 * 1024
# A writer holds the lock for microseconds; one that was stopped must not stop the others.
_LOCK_WAITS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.3)


class FolderContents:
    """A `Contents`."""

    def __init__(self, layout: Layout, clock: Clock, counts: Counts) -> None:
        self._layout = layout
        self._clock = clock
        self._counts = counts

    async def state(self, session_id: str) -> dict[str, Any]:
        record = self._read("state", session_id, lambda folder: read_record(".", dir_fd=folder.fd))
        state: dict[str, Any] = json.loads(record.state)
        return state

    async def save(self, session_id: str, state: Mapping[str, Any]) -> None:
        text = encode_state(state)

        def replace(folder: Folder) -> None:
            record = read_record(".", dir_fd=folder.fd)
            self._layout.announce_record(folder.fd)
            replace_record(record._replace(state=text), dir_fd=folder.fd)

        await self._change("state", session_id, replace)

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        batch = log.encode(events)
        await self._change("events", session_id, lambda folder: log.append(batch, dir_fd=folder.fd))

    async def events(self, session_id: str) -> list[dict[str, Any]]:
        found = self._read("events", session_id, lambda folder: log.read(dir_fd=folder.fd))
        try:
            if len(found) < _LARGE:
                return list(log.decode(found))
            return await asyncio.to_thread(lambda: list(log.decode(found)))
        except (ValueError, RecursionError):
            raise _damaged() from None

    async def drop_events(self, session_id: str, count: int) -> None:
        def drop(folder: Folder) -> None:
            rest = log.drop(log.read(dir_fd=folder.fd), count)
            log.replace(rest, dir_fd=folder.fd)

        found = self._read("events", session_id, lambda folder: log.read(dir_fd=folder.fd))
        try:
            await self._change("events", session_id, drop, in_thread=len(found) >= _LARGE)
        except (ValueError, RecursionError):
            raise _damaged() from None

    async def put_data(self, session_id: str, key: str, value: bytes) -> None:
        name = data.file_name(key)
        await self._change("data", session_id, lambda folder: data.put(folder, name, value))

    async def get_data(self, session_id: str, key: str) -> bytes | None:
        name = data.file_name(key)
        return self._read("data", session_id, lambda folder: data.get(folder, name))

    async def delete_data(self, session_id: str, key: str) -> bool:
        name = data.file_name(key)
        return await self._change("data", session_id, lambda folder: data.delete(folder, name))

    async def data_keys(self, session_id: str) -> list[str]:
        return await asyncio.to_thread(self._read, "data", session_id, data.keys)

    async def try_lease(self, session_id: str) -> turns.FileLease | None:
        fd = self._read("lease", session_id, turns.find)
        if fd is None:
            fd = await self._change("lease", session_id, turns.make)
        return turns.take(fd)

    def _read(self, op: Op, session_id: str, work: Callable[[Folder], T]) -> T:
        try:
            with Folder(self._layout, self._clock, session_id) as folder:
                return work(folder)
        except Damaged:
            raise SessionNotFound(session_id) from None
        except OSError as error:
            self._counts.errors[op] += 1
            raise StoreUnavailable(f"Failed to read session: {error.strerror}") from error

    async def _change(
        self, op: Op, session_id: str, work: Callable[[Folder], T], *, in_thread: bool = False
    ) -> T:
        for wait in _LOCK_WAITS:
            try:
                if in_thread:
                    return await asyncio.to_thread(self._change_now, op, session_id, work)
                return self._change_now(op, session_id, work)
            except BlockingIOError:
                await asyncio.sleep(wait)
        self._counts.errors[op] += 1
        raise StoreUnavailable("Failed to change session: another process holds its lock")

    def _change_now(self, op: Op, session_id: str, work: Callable[[Folder], T]) -> T:
        """Raises BlockingIOError while another writer is at it."""
        try:
            with Folder(self._layout, self._clock, session_id) as folder:
                folder.lock()
                return work(folder)
        except BlockingIOError:
            raise
        except (FileNotFoundError, Damaged):
            # Its directory was deleted under our hands.
            raise SessionNotFound(session_id) from None
        except OSError as error:
            raise self._not_changed(op, error) from error

    def _not_changed(self, op: Op, error: OSError) -> StoreFailed | StoreFull:
        if error.errno in NO_ROOM:
            self._counts.refused += 1
            return StoreFull(
                f"no room in {self._layout.root.path} ({error.strerror}); "
                "close a session or try again later"
            )
        self._counts.errors[op] += 1
        return StoreFailed(f"Failed to change session: {error.strerror}")


def _damaged() -> StoreUnavailable:
    return StoreUnavailable("Failed to read session: its events were changed by somebody else")
