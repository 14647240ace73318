"""What delegation keeps in a session's state, by name."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.delegation.ids import EngineId

ENGINE_ID: Final = "engine_id"
# The create call is on its way: until then, on the boot clock. Behind it, nobody is any more.
OPENING: Final = "opening"
# A request of the session has succeeded, so that the next one is not its first.
USED: Final = "used"
# By place: what goes into the next request; and what is kept beside the state, being larger.
CARRIED: Final = "carried"
CARRIED_APART: Final = "carried_apart"
# The place of something that was too large to be kept.
LOST: Final = "lost"


def engine_id(session_id: str, state: Mapping[str, Any]) -> EngineId:
    """The session's own id where the engine has no other."""
    found: EngineId = state.get(ENGINE_ID, session_id)
    return found
