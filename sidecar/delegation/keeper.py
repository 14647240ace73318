"""Opens and closes sessions for clients by the engine's own session API."""

import asyncio
from contextlib import suppress

from sidecar.clock import Clock
from sidecar.delegation.calling import Result
from sidecar.delegation.claims import Claims
from sidecar.delegation.closing import Closing
from sidecar.delegation.engine_side import EngineSide
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.state import ENGINE_ID, engine_id
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.engine.request import EngineRequest
from sidecar.errors import BadRequest, EngineError, EngineTimeout, SessionNotFound, StoreFailed
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# An engine without room may let a create call wait, and carry it out long after its client has
# gone (Triton's sequence batcher does): so long its reply is waited for, and then closed.
_LINGER = 60.0
_SLACK = 5.0
# Behind a drain of 25 s, the default: SageMaker kills after 30.
_STOP_LIMIT = 2.0
_PAGE = 1000


class DelegatingKeeper:
    """A `Keeper`."""

    immediate = False

    def __init__(
        self, preset: Preset, store: Store, replicas: Replicas, ttl: float, clock: Clock
    ) -> None:
        self._store = store
        self._timeout = preset.create.call.timeout if preset.create is not None else 0.0
        self._closes = preset.close is not None
        self._on_shutdown = preset.close is not None and preset.close.on_shutdown
        self._engine_side = EngineSide(preset, replicas, ttl)
        opening = self._timeout + _LINGER + _SLACK if self._timeout else 0.0
        self._claims = Claims(preset, store, ttl, clock, opening=opening, pins=replicas.several)
        self._closing = Closing()

    async def open(
        self, engine: Engine, origin: EngineRequest | None, owner: str | None
    ) -> Session:
        claim = await self._claims.make(engine, owner)
        if not self._timeout:
            return claim
        task = self._closing.start(
            self._engine_side.open(engine, claim, origin, self._timeout + _LINGER)
        )
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout)
        except asyncio.CancelledError:
            await self._give_up(claim, task)
            raise
        if not done:
            await self._give_up(claim, task)
            raise EngineTimeout(
                f"the engine at {engine.address} did not open a session within "
                f"{self._timeout:g} s: it may have no room for one, "
                "or create.timeout of the preset is too short"
            )
        return await self._opened(engine, claim, owner, task)

    async def close(
        self, session_id: str, origin: EngineRequest | None = None, owner: str | None = None
    ) -> str | None:
        """Once begun it is carried through, also when the client has gone."""
        session = await self._store.get(session_id, owner)
        said: str | None = await asyncio.shield(
            self._closing.start(self._close(session, origin, owner))
        )
        return said

    async def move(self, session: Session, engine: Engine) -> bool:
        """What an engine remembered of its own session is not to be had from another one."""
        return False

    async def forget(self, session_id: str) -> None:
        with suppress(SessionNotFound, StoreFailed):
            session = await self._store.get(session_id)
            await self._store.close(session_id)
            self.ended(session)

    def ended(self, session: Session, why: str = "") -> None:
        """The session has ended here: now the engine's side is closed, off everybody's way."""
        if self._closes:
            self._closing.soon(lambda: self._close_ended(session))

    async def stop(self) -> None:
        """Before the engine's connections are closed."""
        if self._on_shutdown:
            await self._close_all()
        await self._closing.stop(_STOP_LIMIT)

    async def _opened(
        self, engine: Engine, claim: Session, owner: str | None, task: "asyncio.Task[Result]"
    ) -> Session:
        """Or an error, with nothing left behind."""
        try:
            result = task.result()
            self._engine_side.check(engine, result)
        except (BadRequest, EngineError) as error:
            await self._claims.withdraw(claim)
            if type(error) is EngineError and not error.is_gone:  # the call may have arrived
                self.ended(claim)
            raise
        try:
            found = self._engine_side.id_in(result)
            session = await self._claims.confirm(claim, owner, found)
            session.said = self._engine_side.said_of_opening(result)
            return session
        except BaseException:
            await self._claims.withdraw(claim)
            self.ended(claim)
            raise

    async def _give_up(self, claim: Session, task: "asyncio.Task[Result]") -> None:
        """Nobody waits for the session any more; what the engine makes of the call is closed.

        A slot stays leased until then.
        """
        self._closing.start(self._clean_up(claim, task))
        if not self._claims.are_slots:
            await self._claims.withdraw(claim)

    async def _clean_up(self, claim: Session, task: "asyncio.Task[Result]") -> None:
        stopping = asyncio.ensure_future(self._closing.stopping.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError, EngineError, BadRequest):
            found = self._engine_side.id_in(await task)
            if found is not None:
                claim.state[ENGINE_ID] = found
        await self._closing.persist(lambda: self._engine_side.close(claim))
        await self._claims.withdraw(claim)

    async def _close(
        self, session: Session, origin: EngineRequest | None, owner: str | None
    ) -> str | None:
        said = await self._engine_side.close(session, origin)
        await self._store.close(session.id, owner)
        return said

    async def _close_ended(self, session: Session) -> None:
        """A slot may have a new session by now: it is cleared only by whoever holds it."""
        engine = self._engine_side.engine(session)
        if engine is None or not self._claims.are_slots:
            await self._engine_side.close(session)
            return
        slot = int(engine_id(session.id, session.state))
        held = await self._claims.hold(engine, slot)
        if held is not None:
            try:
                await self._engine_side.close(session)
            finally:
                await self._claims.withdraw(held)

    async def _close_all(self) -> None:
        """As many as there is time for."""
        with suppress(TimeoutError, StoreFailed):
            async with asyncio.timeout(_STOP_LIMIT):
                while page := await self._store.list_sessions(_PAGE):
                    work = [self._close_last(session) for session in page]
                    if not any(await asyncio.gather(*work)):
                        return

    async def _close_last(self, session: Session) -> bool:
        with suppress(EngineError, SessionNotFound, StoreFailed):
            await self._close(session, None, None)
            return True
        return False
