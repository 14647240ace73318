"""The engines behind the sidecar: which one a request goes to."""

from collections.abc import Sequence

from sidecar.engine.engine import Engine
from sidecar.sessions.session import Session


class Replicas:
    """One or more engines that can do the same."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = tuple(engines)
        self.several = len(self.engines) > 1
        self._first = self.engines[0]

    @property
    def ready(self) -> bool:
        return any(engine.ready for engine in self.engines)

    @property
    def addresses(self) -> str:
        """For people."""
        return ", ".join(str(engine.address) for engine in self.engines)

    def place(self, *, for_session: bool = False) -> Engine:
        """For a request without a session, or for a session that is about to be opened."""
        return self._first

    def of(self, session: Session) -> Engine:
        """The one that the session was placed on."""
        return self._first

    def drop_stale(self) -> None:
        """Called by a coarse timer."""
        for engine in self.engines:
            engine.drop_stale()

    def close(self) -> None:
        for engine in self.engines:
            engine.close()
