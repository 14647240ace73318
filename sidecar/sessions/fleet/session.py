"""A session in the words of the server, and back."""

import json

from sidecar.sessions.session import Session


def microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def owner_word(owner: str | None) -> str:
    """Nobody is told apart from an owner whose hash is empty."""
    return "" if owner is None else f"={owner}"


def age_of(answer: int) -> float | None:
    """None where somebody has damaged what was kept of the session."""
    return answer / 1_000_000 if answer >= 0 else None


def session_of(
    session_id: str,
    created: str | bytes,
    ends: str | bytes,
    owner: str | bytes,
    state: str | bytes,
) -> Session:
    word = owner.decode() if isinstance(owner, bytes) else owner
    return Session(
        session_id,
        int(created) / 1_000_000,
        int(ends) / 1_000_000,
        word[1:] if word else None,
        json.loads(state),
    )
