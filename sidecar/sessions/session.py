"""What a session is, and the grammar of its public id."""

import re
from dataclasses import dataclass

# botocore's sagemaker-runtime service model; the platform checks both directions.
ID_LIMIT = 256
_ID = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9])*")


def is_well_formed(session_id: str) -> bool:
    return len(session_id) <= ID_LIMIT and _ID.fullmatch(session_id) is not None


@dataclass(frozen=True, slots=True)
class Session:
    """One live session.

    created and expires are wall-clock seconds. They are for people and for headers: whether a
    session still lives is decided by the store, on a clock that nobody can set.
    """

    id: str
    created: float
    expires: float
