"""Leases on a server: a token that runs out unless its holder renews it."""

import asyncio
import uuid
from contextlib import suppress
from typing import Final

from sidecar.errors import SessionNotFound, SidecarError
from sidecar.sessions.fleet import scripts
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.operation import Operation

# Twice before it runs out, with time left for an answer.
_RENEW_EVERY: Final = scripts.LEASE_MS / 3000


class Leases:
    """Those that this process holds, renewed by one task as long as there are any."""

    def __init__(self, operation: Operation, keys: Keys) -> None:
        self._operation = operation
        self._keys = keys
        self._held: dict[str, ServerLease] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._returning: set[asyncio.Task[None]] = set()

    async def take(self, session_id: str) -> "ServerLease | None":
        """None if somebody has it. Raises SessionNotFound or StoreUnavailable."""
        token = uuid.uuid4().hex
        keys = self._keys.of(session_id)
        try:
            answer = await self._operation.run(scripts.LEND, keys, session_id, token)
        except asyncio.CancelledError:
            # It may be ours by now. If this does not reach the server, it runs out.
            self._start_return(session_id, token)
            raise
        if answer == -1:
            raise SessionNotFound(session_id)
        if answer is None:
            return None
        lease = ServerLease(self, session_id, token, answer)
        self._held[token] = lease
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_all(), name="lease renewal")
        return lease

    async def release(self, lease: "ServerLease") -> None:
        if self._held.pop(lease.token, None) is not None:
            # The next one must not wait because this request was cancelled.
            await asyncio.shield(self._start_return(lease.session_id, lease.token))

    async def stop(self) -> None:
        for lease in [*self._held.values()]:
            await self.release(lease)
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await asyncio.gather(*self._returning)

    def _start_return(self, session_id: str, token: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._give_back(session_id, token))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        return task

    async def _give_back(self, session_id: str, token: str) -> None:
        with suppress(SidecarError):
            await self._operation.run(scripts.RETURN, self._keys.of(session_id), session_id, token)

    async def _renew_all(self) -> None:
        while self._held:
            await asyncio.sleep(_RENEW_EVERY)
            await asyncio.gather(*(self._renew(each) for each in [*self._held.values()]))
        self._renewing = None

    async def _renew(self, lease: "ServerLease") -> None:
        keys = self._keys.of(lease.session_id)
        with suppress(SidecarError):
            await self._operation.run(
                scripts.RENEW, keys, lease.session_id, lease.token, lease.session_token
            )


class ServerLease:
    """A `Lease`."""

    def __init__(self, leases: Leases, session_id: str, token: str, session_token: bytes) -> None:
        self._leases = leases
        self.session_id = session_id
        self.token = token
        self.session_token = session_token

    async def release(self) -> None:
        await self._leases.release(self)
