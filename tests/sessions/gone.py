"""What is left of an ended session, and waiting for it to go."""

import asyncio
import time
from pathlib import Path

from tests.sessions.contract import TmpfsPlace


def ended(place: TmpfsPlace, session_id: str) -> Path:
    """Its directory, renamed and not deleted yet."""
    (path,) = place.path.glob(f".del-{session_id}[.~]*")
    return path


async def gone(path: Path, limit: float) -> float:
    """Seconds until there is nothing any more."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while path.exists():  # noqa: ASYNC110 - a file tells nobody that it goes
            await asyncio.sleep(0.005)
    return time.monotonic() - began
