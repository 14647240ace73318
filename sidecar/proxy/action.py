"""What an intent asks of the store, the same for both lanes."""

from contextlib import suppress
from dataclasses import replace

from sidecar.dialects.intent import Answer, Begin, Close, Intent, Open, Ping, Use, Voice
from sidecar.errors import EngineNotReady, SessionNotFound, StoreFailed
from sidecar.proxy.house import House
from sidecar.sessions.session import Session
from sidecar.turn import Turn


async def act(house: House, intent: Intent, voice: Voice, turn: Turn) -> Answer | Session | None:
    """Our own answer; or the session to forward with, if any. Raises SidecarError.

    Suspends only where the store does: with `store.immediate` never.
    """
    turn.intent = intent.name
    match intent:
        case Use(session_id):
            turn.session = session_id
            return await house.store.get(session_id)
        case Begin():
            return await _open(house, turn)
        case Open():
            return _confirmed(house.dialect.opened(await _open(house, turn)), voice)
        case Close(session_id):
            turn.session = session_id
            await house.store.close(session_id)
            return _confirmed(house.dialect.closed(session_id), voice)
        case Ping():
            return _confirmed(_ping(house), voice)
        case _:
            return None


async def forget(house: House, session: Session) -> None:
    """End a session that its client never learnt of.

    One that cannot be closed ends by itself when its time is over.
    """
    with suppress(SessionNotFound, StoreFailed):
        await house.store.close(session.id)


def is_announced(status: int) -> bool:
    """Whether a session made for this request lives on after the engine's reply."""
    return status < 500


async def _open(house: House, turn: Turn) -> Session:
    session = await house.store.open(house.settings.sessions_ttl)
    turn.session = session.id
    return session


def _ping(house: House) -> Answer:
    if house.engine.ready and not house.life.draining:
        return Answer(200)
    why = "is draining" if house.life.draining else "waits for the engine"
    raise EngineNotReady(f"the sidecar {why}: engine at {house.engine.address}")


def _confirmed(answer: Answer, voice: Voice) -> Answer:
    if not voice.reply_headers:
        return answer
    return replace(answer, headers=answer.headers + voice.reply_headers)
