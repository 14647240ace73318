"""What one reply of the engine brings for the next request of the session.

It is kept in the session's state, which is to stay small, or beside it where it is large.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.delegation.grammar.preset import Carry
from sidecar.delegation.grammar.template import MISSING
from sidecar.delegation.state import CARRIED, CARRIED_APART, LOST
from sidecar.errors import BodyTooLarge
from sidecar.sessions.session import Session
from sidecar.sessions.store import VALUE_LIMIT, Store

# Eight of them leave half of a state's 16 KiB.
_SMALL = 1024


class Carried:
    def __init__(self, carries: Sequence[Carry], store: Store) -> None:
        self._carries = carries
        self._store = store

    async def values(self, session: Session) -> list[tuple[Carry, Any]]:
        """Each with what goes into the next request, or MISSING.

        Raises BodyTooLarge where that was too large to be kept: without it the engine would go on
        from something else than its client believes.
        """
        if (lost := session.state.get(LOST)) is not None:
            raise BodyTooLarge(
                f"what the engine's last answer carries on ({lost}) could not be kept, so the "
                "session cannot go on: close it and open another one"
            )
        return [(carry, await self._value(session, carry)) for carry in self._carries]

    async def kept(self, session_id: str, view: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the state is to say of a reply; None: one that could not be read."""
        if not self._carries:
            return {}
        if view is None:
            return {LOST: str(self._carries[0].to)}
        state: dict[str, Any] = {CARRIED: {}, CARRIED_APART: []}
        for carry in self._carries:
            if (value := carry.pick(view)) is None:
                continue
            if not await self._keep(session_id, str(carry.to), value, state):
                return {LOST: str(carry.to)}
        return state if state[CARRIED] or state[CARRIED_APART] else {}

    async def _keep(self, session_id: str, place: str, value: Any, state: dict[str, Any]) -> bool:
        try:
            text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        except ValueError:
            return False
        if len(text) <= _SMALL:
            state[CARRIED][place] = value
            return True
        if len(text) > VALUE_LIMIT:
            return False
        await self._store.put_data(session_id, self._key(place), text.encode())
        state[CARRIED_APART].append(place)
        return True

    async def _value(self, session: Session, carry: Carry) -> Any:
        place = str(carry.to)
        if place in session.state.get(CARRIED_APART, ()):
            data = await self._store.get_data(session.id, self._key(place))
            return MISSING if data is None else json.loads(data)
        return session.state.get(CARRIED, {}).get(place, MISSING)

    def _key(self, place: str) -> str:
        """A key of the session's data, beside those of the engine."""
        numbers = [str(carry.to) for carry in self._carries]
        return f"sidecar-carried-{numbers.index(place)}"
