"""Waits for what nobody announces: a descriptor closed, a counter that has moved."""

import asyncio
from collections.abc import Callable

from tests.harness.watch import Watch


async def eventually(condition: Callable[[], bool], limit: float = 10.0) -> bool:
    """Whether it came true within the limit."""
    watch = Watch()
    while not condition():
        if watch.worked() > limit:
            return False
        await asyncio.sleep(0.01)
    return True
