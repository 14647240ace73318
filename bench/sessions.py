"""What sessions cost, with ten and with a hundred thousand of them, and what the peer's cost.

    python -m bench.sessions

On /dev/shm, or where there is none on the default directory for temporary files. Cleans up.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore

FEW, MANY = 10, 100_000
CALLS, ROUNDS = 2_000, 5
TTL = 3600.0
PEER_CALLS = 20


def main() -> None:
    shared = Path("/dev/shm")
    where = shared if os.access(shared, os.W_OK) else None
    scratch = Path(tempfile.mkdtemp(prefix="sidecar-bench-", dir=where))
    try:
        print(f"sessions in {scratch}, best of {ROUNDS} rounds of {CALLS:,} calls")
        asyncio.run(measure(scratch / "ours"))
        with suppress(ImportError):
            measure_peer(scratch / "peer")
    finally:
        shutil.rmtree(scratch)


async def measure(path: Path) -> None:
    store = new_store(path)
    await store.start()
    for live in (FEW, MANY):
        for _ in range(live - store.count()):
            await store.open(TTL)
        await asyncio.sleep(2)
        costs = [await round_trip(store) for _ in range(ROUNDS)]
        opening, using, closing = (min(each) for each in zip(*costs, strict=True))
        print(f"{live:>7,} live: open {opening:.1f} us, use {using:.1f} us, close {closing:.1f} us")
    await store.stop()
    await restart(path)
    await expire(path)


async def round_trip(store: TmpfsStore) -> tuple[float, float, float]:
    """Microseconds for each of open, use and close."""
    times = [time.perf_counter()]
    made = [(await store.open(TTL)).id for _ in range(CALLS)]
    times.append(time.perf_counter())
    for session_id in made:
        await store.get(session_id)
    times.append(time.perf_counter())
    for session_id in made:
        await store.close(session_id)
    times.append(time.perf_counter())
    opening, using, closing = ((b - a) / CALLS * 1e6 for a, b in pairwise(times))
    return opening, using, closing


def new_store(path: Path) -> TmpfsStore:
    return TmpfsStore(Root(path), clock=SystemClock(), ttl_limit=TTL)


async def restart(path: Path) -> None:
    store = new_store(path)
    began = time.perf_counter()
    await store.start()
    stall = await worst_stall(lambda: len(store.sweep) < MANY)
    took = time.perf_counter() - began
    print(f"restart: {MANY:,} adopted in {took:.2f} s, longest stall of the loop {stall:.1f} ms")
    await store.stop()


async def expire(path: Path) -> None:
    """A start that finds all of them beyond a limit of nothing, so that all are swept."""
    store = TmpfsStore(Root(path), clock=SystemClock(), ttl_limit=0.0)
    began = time.perf_counter()
    await store.start()
    stall = await worst_stall(lambda: store.count() > 0)
    took = time.perf_counter() - began
    print(f"sweep: {MANY:,} ended in {took:.2f} s, longest stall of the loop {stall:.1f} ms")
    await store.stop()


async def worst_stall(is_busy: Callable[[], bool]) -> float:
    """How much later than asked the loop comes back, in milliseconds."""
    worst = 0.0
    while is_busy():
        asked = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - asked - 0.001)
    return worst * 1e3


def measure_peer(path: Path) -> None:
    from model_hosting_container_standards.sagemaker.sessions.manager import SessionManager

    manager = SessionManager({"sessions_path": str(path)})
    for live in (FEW, MANY):
        # Its own create looks at all sessions each time, so the many are made without it.
        for number in range(len(manager.sessions), live):
            session_id = f"filler-{number}"
            (path / session_id).mkdir()
            (path / session_id / ".expiration_ts").write_text(str(time.time() + TTL))
        manager = SessionManager({"sessions_path": str(path)})
        began = time.perf_counter()
        made = [manager.create_session().session_id for _ in range(PEER_CALLS)]
        took = (time.perf_counter() - began) / PEER_CALLS * 1e6
        print(f"{live:>7,} live: open of the peer's (MHCS) {took:,.1f} us")
        for session_id in made:
            manager.close_session(session_id)


if __name__ == "__main__":
    main()
