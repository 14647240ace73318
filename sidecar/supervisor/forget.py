"""The end of every session there is: what an engine knew of them ended with its process."""

import logging
import time

from sidecar.errors import SessionNotFound, SidecarError
from sidecar.sessions.store import Store

logger = logging.getLogger("sidecar.supervisor")

# Each page walks the whole directory.
_PAGE = 20_000


async def end_sessions(store: Store) -> None:
    """Those that are older than this call: a newer one is for the engine that comes next."""
    now = time.time()
    ended, after = 0, ""
    try:
        while page := await store.list_sessions(_PAGE, after):
            for session in page:
                ended += session.created <= now and await _end(store, session.id)
            after = page[-1].id
    except SidecarError as error:
        logger.error("sessions of the engine that ended could not be ended: %s", error)
    if ended:
        logger.warning("%d sessions ended with the engine that knew them", ended)


async def _end(store: Store, session_id: str) -> bool:
    try:
        await store.close(session_id)
    except SessionNotFound:
        return False
    return True
