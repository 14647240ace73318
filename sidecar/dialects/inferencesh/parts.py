"""Values of any size in a store, which takes them by the mebibyte."""

import asyncio

from sidecar.sessions.store import VALUE_LIMIT, Store


async def put(store: Store, kept_in: str, name: str, value: bytes) -> None:
    """In place of what was there. Raises SidecarError, with some of it there."""
    count = max(1, -(-len(value) // VALUE_LIMIT))
    for number in range(count):
        part = value[number * VALUE_LIMIT : (number + 1) * VALUE_LIMIT]
        await store.put_data(kept_in, _key(name, number), part)
        await asyncio.sleep(0)
    while await store.delete_data(kept_in, _key(name, count)):
        count += 1


async def get(store: Store, kept_in: str, name: str) -> bytes | None:
    """None where nothing was put."""
    pieces: list[bytes] = []
    while (part := await store.get_data(kept_in, _key(name, len(pieces)))) is not None:
        pieces.append(part)
    return b"".join(pieces) if pieces else None


def _key(name: str, number: int) -> str:
    return f"{name}-{number:03d}"
