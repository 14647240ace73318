"""Records that users write: each is a store session of its own, with one value in it."""

import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

from sidecar.clock import Clock
from sidecar.dialects.agentcore.answers import dump
from sidecar.dialects.agentcore.errors import ResourceNotFound, Unsupported
from sidecar.dialects.agentcore.fields import Fields
from sidecar.dialects.agentcore.memory import record as form
from sidecar.dialects.agentcore.memory.histories import DAY, LIFETIME
from sidecar.dialects.agentcore.memory.memories import Memory
from sidecar.dialects.agentcore.memory.names import record_id, records_of_memory
from sidecar.dialects.agentcore.memory.paging import Page
from sidecar.dialects.agentcore.memory.record import Record
from sidecar.dialects.agentcore.memory.record_filters import RecordFilter
from sidecar.dialects.agentcore.memory.rules import CLIENT_TOKEN, REQUEST_IDENTIFIER, Rules
from sidecar.errors import SessionExists, SessionNotFound, SidecarError
from sidecar.sessions.store import Store

_KEY: Final = "record"
_CHUNK: Final = 100
# botocore's service model: records in one batch, and the shortest life of a record in days.
BATCH: Final = 100
_FEWEST_DAYS: Final = 31
_MOST_DAYS: Final = int(LIFETIME / DAY)

Outcome = dict[str, Any]


class Work(NamedTuple):
    record: str
    call: Callable[[], Awaitable[None]]
    request_identifier: str | None = None


class Records:
    def __init__(self, store: Store, clock: Clock, rules: Rules) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules

    async def create(self, memory: Memory, fields: Fields) -> dict[str, list[Outcome]]:
        """All are checked before the first is written."""
        token = (
            fields.text("clientToken", CLIENT_TOKEN) if "clientToken" in fields else _new_token()
        )
        ttl = _life(fields)
        batch = []
        for position, each in enumerate(fields.children("records", BATCH)):
            name = each.text("requestIdentifier", REQUEST_IDENTIFIER)
            id_of_record = form.derived_id(memory.id, token, name, position)
            batch.append((name, form.new(each, id_of_record, self._clock.wall())))
        return await _each(
            Work(record["memoryRecordId"], partial(self._write_new, memory, record, ttl), name)
            for name, record in batch
        )

    async def update(self, memory: Memory, fields: Fields) -> dict[str, list[Outcome]]:
        if "recordExpirySpecification" in fields:
            raise Unsupported("this sidecar cannot change when a record expires: write it anew")
        batch = [
            (each.text("memoryRecordId", self._rules.record), form.changes(each))
            for each in fields.children("records", BATCH)
        ]
        return await _each(
            Work(name, partial(self._change, memory, name, changed)) for name, changed in batch
        )

    async def delete_batch(self, memory: Memory, fields: Fields) -> dict[str, list[Outcome]]:
        batch = [
            each.text("memoryRecordId", self._rules.record)
            for each in fields.children("records", BATCH)
        ]
        return await _each(Work(name, partial(self.delete, memory, name)) for name in batch)

    async def get(self, memory: Memory, name: str) -> Record:
        record = await self._read(record_id(memory.id, name))
        if record is None:
            raise _not_found(name)
        return record

    async def delete(self, memory: Memory, name: str) -> None:
        try:
            await self._store.close(record_id(memory.id, name))
        except SessionNotFound:
            raise _not_found(name) from None

    async def page_of(
        self, memory: Memory, chosen: RecordFilter, page: Page
    ) -> tuple[list[Record], str]:
        """A page, and where the next one begins, if there is one."""
        prefix = records_of_memory(memory.id)
        found: list[Record] = []
        after, last = page.after or prefix, ""
        while True:
            sessions = await self._store.list_sessions(_CHUNK, after)
            for session in sessions:
                if not session.id.startswith(prefix):
                    return found, ""
                record = await self._read(session.id)
                if record is None or not chosen.wants(record):
                    continue
                if len(found) == page.limit:
                    return found, last
                found.append(record)
                last = session.id
            if len(sessions) < _CHUNK:
                return found, ""
            after = sessions[-1].id

    async def _write_new(self, memory: Memory, record: Record, ttl: float | None) -> None:
        """What is there already was written by the same request, and may have been changed."""
        name = record_id(memory.id, record["memoryRecordId"])
        try:
            session = await self._store.open(ttl or LIFETIME, session_id=name)
        except SessionExists:
            if await self._read(name) is not None:
                return
            session = await self._store.get(name)
        if ttl is not None:
            record = {**record, "expiresAt": session.expires}
        await self._store.put_data(name, _KEY, dump(record).encode())

    async def _change(self, memory: Memory, name: str, changed: Record) -> None:
        record = await self.get(memory, name)
        try:
            await self._store.put_data(
                record_id(memory.id, name), _KEY, dump({**record, **changed}).encode()
            )
        except SessionNotFound:
            raise _not_found(name) from None

    async def _read(self, name: str) -> Record | None:
        """None also where a writer was killed before it wrote."""
        try:
            value = await self._store.get_data(name, _KEY)
        except SessionNotFound:
            return None
        return None if value is None else json.loads(value)


async def _each(batch: Iterable[Work]) -> dict[str, list[Outcome]]:
    """One that fails does not stop the others."""
    succeeded: list[Outcome] = []
    failed: list[Outcome] = []
    for work in batch:
        outcome: Outcome = {"memoryRecordId": work.record}
        if work.request_identifier is not None:
            outcome["requestIdentifier"] = work.request_identifier
        try:
            await work.call()
        except SidecarError as error:
            detail = {"errorCode": error.status, "errorMessage": error.message}
            failed.append({**outcome, "status": "FAILED", **detail})
        else:
            succeeded.append({**outcome, "status": "SUCCEEDED"})
    return {"successfulRecords": succeeded, "failedRecords": failed}


def _life(fields: Fields) -> float | None:
    """Seconds; None: without end."""
    given = fields.child_or_none("recordExpirySpecification")
    if given is None or "action" in given:
        return None
    days = given.integer("recordExpiryDurationDays", _FEWEST_DAYS, _MOST_DAYS)
    return days * DAY


def _new_token() -> str:
    return str(uuid.uuid4())


def _not_found(name: str) -> ResourceNotFound:
    return ResourceNotFound(f"Memory record not found: {name}")
