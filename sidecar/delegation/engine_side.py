"""The engine's side of a session: the create and the close call of the preset."""

import json
from typing import Final

from sidecar.delegation import ids
from sidecar.delegation.calling import Result, fullness, made_call, matches, refusal
from sidecar.delegation.grammar.expression import Shape
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.ids import EngineId, NoId
from sidecar.delegation.state import ENGINE_ID, engine_id
from sidecar.delegation.view import RequestScope
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError
from sidecar.sessions.session import Session

# An engine's words to a client, as much as of its errors.
_SAID: Final = 4096


class EngineSide:
    """Holds no state of sessions."""

    def __init__(self, preset: Preset, replicas: Replicas, ttl: float) -> None:
        self._preset = preset
        self._replicas = replicas
        self._ttl = ttl

    async def open(
        self, engine: Engine, session: Session, origin: EngineRequest | None, within: float
    ) -> Result:
        """Raises EngineError, or BadRequest where the call could not be made."""
        create = self._preset.create
        assert create is not None
        return await made_call(engine, create.call, self._scope(session, origin), within=within)

    def check(self, engine: Engine, result: Result) -> None:
        """Raises EngineFull or EngineRefused when the engine has opened nothing."""
        create = self._preset.create
        assert create is not None
        if matches(self._preset.capacity, result):
            raise fullness(engine, result)
        if not create.call.succeeds(result.status):
            raise refusal(engine, "open a session", result)

    def id_in(self, result: Result) -> EngineId | None:
        """What the reply to a create call says; None if it need not. Raises EngineError."""
        create = self._preset.create
        if create is None or create.id is None:
            return None
        try:
            return ids.taken_from_reply(self._preset.id, create.id(result.view))
        except NoId:
            raise EngineError("session id not found in the engine's response") from None

    def said_of_opening(self, result: Result) -> str | None:
        """What the client is to be told; None: nothing in particular."""
        create = self._preset.create
        return None if create is None else _said(create.said, result)

    async def close(self, session: Session, origin: EngineRequest | None = None) -> str | None:
        """What the client is to be told; None: nothing in particular.

        Raises EngineError; not where the engine does not know the session any more.
        """
        close, engine = self._preset.close, self.engine(session)
        if close is None or engine is None:
            return None
        scope = self._scope(session, origin)
        result = await made_call(engine, close.call, scope, within=close.call.timeout)
        if not close.call.succeeds(result.status) and not matches(close.gone, result):
            raise refusal(engine, "close the session", result)
        return _said(close.said, result)

    def engine(self, session: Session) -> Engine | None:
        """None where there is nothing to close: its replica is lost, or never had it."""
        if self._preset.has_ids and ENGINE_ID not in session.state:
            return None
        return None if self._replicas.is_lost(session) else self._replicas.of(session)

    def _scope(self, session: Session, origin: EngineRequest | None) -> RequestScope:
        return RequestScope(session.id, engine_id(session.id, session.state), self._ttl, origin)


def _said(shape: Shape | None, result: Result) -> str | None:
    value = None if shape is None else shape(result.view)
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value))[:_SAID]
