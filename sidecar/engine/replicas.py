"""The engines behind the sidecar: which one a request goes to."""

import os
from collections.abc import Collection, Sequence

from sidecar.engine.census import Census
from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.engine.keeper import LOST, REPLICA
from sidecar.engine.placement import Doubt, Load, least
from sidecar.errors import EngineError, EngineNotReady, NoDescriptors
from sidecar.sessions.session import Session


class Replicas:
    """One or more engines that can do the same; of one, nothing is asked.

    A session stays where it was placed. One that was opened when a single engine was configured
    has no place: it is taken to be the first one's.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = tuple(engines)
        self.several = len(self.engines) > 1
        self.census = Census()
        self._first = self.engines[0]
        self._by_address = {str(engine.address): engine for engine in self.engines}
        # Processes that start together do not all begin with the same one.
        self._turn = os.getpid()

    @property
    def ready(self) -> bool:
        return any(engine.ready for engine in self.engines)

    @property
    def addresses(self) -> str:
        """For people."""
        return ", ".join(str(engine.address) for engine in self.engines)

    def place(self, *, for_session: bool = False, without: Collection[Engine] = ()) -> Engine:
        """For a request without a session, or for a session that is about to be opened.

        without: those that have been tried; some are left.
        """
        if not self.several:
            return self._first
        engines = self.engines
        if without:
            engines = tuple(engine for engine in engines if engine not in without)
        chosen = engines[least([self._load(one, for_session) for one in engines], self._turn)]
        self._turn = self.engines.index(chosen) + 1
        if for_session:
            self.census.note_placed(str(chosen.address))
        return chosen

    def of(self, session: Session) -> Engine:
        """The one that the session was placed on; not to be asked where that is lost."""
        if not self.several:
            return self._first
        return self._by_address[self._address_of(session)]

    def is_lost(self, session: Session) -> bool:
        """What its replica remembered of it is gone."""
        if not self.several:
            return False
        engine = self._by_address.get(self._address_of(session))
        return engine is None or LOST in session.state or self.has_lost(engine)

    def has_lost(self, engine: Engine) -> bool:
        """Whether it is out for too long. While no other one has been ready for long none is lost:
        the trouble may be ours, or of all, and they do not come back at the same moment."""
        return _is_loss(engine) and any(map(_is_up, self.engines))

    async def connect(self, first: Engine) -> tuple[Engine, EngineConnection]:
        """For a request that belongs to no session: a connection to that one, or else to another,
        since nothing has been sent yet. Raises EngineError when none can be reached.
        """
        tried: list[tuple[Engine, EngineError]] = []
        engine = first
        while True:
            try:
                return engine, await engine.connection()
            except NoDescriptors:
                raise
            except EngineError as error:
                tried.append((engine, error))
                if len(tried) == len(self.engines):
                    raise self._unreachable(tried) from None
            engine = self.place(without=[one for one, _ in tried])

    def drop_stale(self) -> None:
        """Called by a coarse timer."""
        for engine in self.engines:
            engine.drop_stale()

    def close(self) -> None:
        for engine in self.engines:
            engine.close()

    def _address_of(self, session: Session) -> str:
        address: str = session.state.get(REPLICA, str(self._first.address))
        return address

    def _load(self, engine: Engine, for_session: bool) -> Load:
        sessions = self.census.sessions(str(engine.address)) if for_session else 0
        return Load(_doubt(engine), sessions, engine.in_flight)

    def _unreachable(self, tried: list[tuple[Engine, EngineError]]) -> EngineError:
        _, error = tried[-1]
        if not self.several:
            return error
        kind = EngineError if self.ready else EngineNotReady
        return kind(f"none of the engines can be reached ({self.addresses}): {error.message}")


def _doubt(engine: Engine) -> Doubt:
    if not engine.ready:
        is_gone = engine.outage is not None and engine.outage.is_gone
        return Doubt.GONE if is_gone else Doubt.NOT_READY
    return Doubt.EJECTED if engine.ejection.left else Doubt.NONE


def _is_loss(engine: Engine) -> bool:
    return engine.outage is not None and engine.outage.is_loss


def _is_up(engine: Engine) -> bool:
    return engine.outage is not None and engine.outage.is_over
