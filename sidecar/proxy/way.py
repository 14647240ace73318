"""The way of a request to one of several engines, and what becomes of a session without one.

Only what nobody has received is tried with another engine: where no connection was made, nothing
was sent (RFC 9110 section 9.2.2).
"""

from typing import NamedTuple

from sidecar.engine.connection import EngineConnection
from sidecar.engine.engine import Engine
from sidecar.errors import EngineError, ReplicaLost
from sidecar.proxy.house import House
from sidecar.sessions.session import Session

# Tells the client that the engine which answers knows nothing of what was before.
REPINNED = b"X-Session-Repinned: 1\r\n"


class Way(NamedTuple):
    engine: Engine
    connection: EngineConnection
    repinned: bool = False


async def settle(house: House, session: Session) -> bool:
    """What is done about a session whose replica is lost: True if it was placed anew.

    Raises ReplicaLost, and the session has ended. Suspends only with SIDECAR_REPLICA_LOSS=repin,
    or where the keeper does.
    """
    if not house.replicas.is_lost(session):
        return False
    if _repins(house):
        engine = house.replicas.place(for_session=True)
        if await house.keeper.move(session, engine):
            return True
    await house.keeper.forget(session.id)
    raise ReplicaLost(
        f"session lost: {session.id}: the engine that it was on is gone, with what it remembered; "
        "open a new session"
    )


async def find_way(
    house: House, engine: Engine, session: Session | None, *, is_new: bool = False
) -> Way:
    """A connection to the engine chosen, or to another one where that changes nothing.

    session: it stays, unless it is new, or may be placed anew and nobody is there any more.
    Raises EngineError.
    """
    if session is None:
        return Way(*await house.replicas.connect(engine))
    may_move = is_new or _repins(house)
    tried: list[Engine] = []
    while True:
        try:
            return Way(engine, await engine.connection(), bool(tried) and not is_new)
        except EngineError as error:
            tried.append(engine)
            if not (may_move and error.is_gone) or len(tried) == len(house.replicas.engines):
                raise
            other = house.replicas.place(for_session=True, without=tried)
            if not await house.keeper.move(session, other):
                raise
            engine = house.replicas.of(session)


def _repins(house: House) -> bool:
    return house.replicas.several and house.settings.replica_loss == "repin"
