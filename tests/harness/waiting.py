"""Waits for what nobody announces: a descriptor closed, a counter that has moved."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], limit: float = 10.0) -> bool:
    """Whether it came true within the limit."""
    clock = asyncio.get_running_loop().time
    until = clock() + limit
    while not condition():
        if clock() > until:
            return False
        await asyncio.sleep(0.01)
    return True
