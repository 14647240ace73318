"""Sessions in the store before the engine has opened its side: marked, so that none is left over.

A process that is killed in between leaves a session that nobody knows; it is closed, on both
sides, when it expires.
"""

import uuid
from contextlib import suppress
from typing import Any

from sidecar.clock import Clock
from sidecar.delegation import ids
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.ids import EngineId
from sidecar.delegation.slots import Slots
from sidecar.delegation.state import ENGINE_ID, OPENING
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import REPLICA
from sidecar.errors import SessionNotFound, StoreFailed
from sidecar.sessions.session import Session, is_well_formed
from sidecar.sessions.store import Store


class Claims:
    """opening: seconds within which the engine's side is open, or nobody waits for it any more."""

    def __init__(
        self, preset: Preset, store: Store, ttl: float, clock: Clock, *, opening: float, pins: bool
    ) -> None:
        self._rule = preset.id
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._opening = opening
        self._pins = pins
        is_pool = preset.id.generate == "pool"
        self._slots = Slots(store, clock, preset.id.size) if is_pool else None

    @property
    def are_slots(self) -> bool:
        return self._slots is not None

    async def make(self, engine: Engine, owner: str | None) -> Session:
        """Raises EngineFull when all slots are taken, or what the store does."""
        if self._slots is None:
            return await self._open(engine, owner, None)
        return await self._slots.lease(engine, lambda slot: self._open(engine, owner, slot))

    async def hold(self, engine: Engine, slot: int) -> Session | None:
        """That slot, to clear it; None if a session has it."""
        assert self._slots is not None
        return await self._slots.hold(engine, slot, lambda slot: self._open(engine, None, slot))

    async def confirm(self, claim: Session, owner: str | None, found: EngineId | None) -> Session:
        """The session that its client is told of; `found`: the id that the engine gave."""
        claim.state.pop(OPENING, None)
        if found is not None:
            claim.state[ENGINE_ID] = found
        if self._rule.is_public and isinstance(found, str) and is_well_formed(found):
            session = await self._store.open(
                self._ttl, owner=owner, state=claim.state, session_id=found
            )
            await self.withdraw(claim)
            return session
        await self._store.save(claim.id, claim.state)
        return claim

    async def withdraw(self, claim: Session) -> None:
        with suppress(SessionNotFound, StoreFailed):
            await self._store.close(claim.id)

    async def _open(self, engine: Engine, owner: str | None, slot: int | None) -> Session:
        # Made here: the engine may be told it, before the session is known to anybody.
        public_id = str(uuid.uuid4())
        made = ids.made(self._rule, public_id) if slot is None else ids.slot(self._rule, slot)
        state: dict[str, Any] = {}
        if self._pins:
            state[REPLICA] = str(engine.address)
        if made is not None:
            state[ENGINE_ID] = made
        if self._opening:
            state[OPENING] = self._clock.boot() + self._opening
        return await self._store.open(self._ttl, owner=owner, state=state, session_id=public_id)
