"""Waiting for a file to go."""

import asyncio
import time
from pathlib import Path


async def gone(path: Path, limit: float) -> float:
    """Seconds until there is nothing any more."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while path.exists():  # noqa: ASYNC110 - a file tells nobody that it goes
            await asyncio.sleep(0.005)
    return time.monotonic() - began
