"""What an intent asks of the store, the same for both lanes."""

from dataclasses import replace

from sidecar.dialects.intent import Answer, Begin, Close, Intent, Open, Ping, Route, Use, Voice
from sidecar.engine.engine import Engine
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError, EngineNotReady
from sidecar.proxy.house import House
from sidecar.sessions.session import Session
from sidecar.sessions.store import Immediate
from sidecar.turn import Turn


async def act(
    house: House, intent: Intent, route: Route, turn: Turn, origin: EngineRequest | None = None
) -> Answer | Session | None:
    """Our own answer; or the session to forward with, if any. Raises SidecarError.

    origin: the client's request, for whoever opens or closes the engine's own session with it.
    Suspends only where store and keeper do: without `house.slow_sessions` never.
    """
    turn.intent = intent.name
    match intent:
        case Use(session_id):
            turn.session = session_id
            return await house.store.get(session_id, route.owner)
        case Begin():
            return await _open(house, route, turn, origin)
        case Open():
            session = await _open(house, route, turn, origin)
            named = house.replicas.of(session).header
            answer = _confirmed(route.dialect.opened(session), route.voice)
            return answer if named is None else replace(answer, headers=(*answer.headers, named))
        case Close(session_id):
            turn.session = session_id
            said = await house.keeper.close(session_id, origin, route.owner)
            return _confirmed(route.dialect.closed(session_id, said), route.voice)
        case Ping():
            return _confirmed(_ping(house), route.voice)
        case _:
            return None


def use(store: Immediate, intent: Use, route: Route, turn: Turn) -> Session:
    """`act` for what is asked most, as a plain call."""
    turn.intent, turn.session = intent.name, intent.session_id
    return store.look(intent.session_id, route.owner)


def is_announced(status: int) -> bool:
    """Whether a session made for this request lives on after the engine's reply."""
    return status < 500


async def _open(house: House, route: Route, turn: Turn, origin: EngineRequest | None) -> Session:
    """Where the engine has to be asked and nobody is there, another one is."""
    replicas, tried = house.replicas, list[Engine]()
    while True:
        engine = replicas.place(for_session=True, without=tried)
        try:
            session = await house.keeper.open(engine, origin, route.owner)
        except EngineError as error:
            tried.append(engine)
            if not error.is_gone or len(tried) == len(replicas.engines):
                raise
        else:
            turn.session = session.id
            return session


def _ping(house: House) -> Answer:
    if house.replicas.ready and not house.life.draining:
        return Answer(200)
    why = "is draining" if house.life.draining else "waits for the engine"
    raise EngineNotReady(f"the sidecar {why}: engine at {house.replicas.addresses}")


def _confirmed(answer: Answer, voice: Voice) -> Answer:
    if not voice.reply_headers:
        return answer
    return replace(answer, headers=answer.headers + voice.reply_headers)
