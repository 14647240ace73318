"""What sessions cost, with a thousand and with a hundred thousand of them, and what the peer's do.

Processor time of the thread that makes them, which is the loop's.
"""

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from bench.contenders import PEERS
from bench.figures import Figures
from bench.goals import EXPRESS, PEER, opening, restoring, sweeping
from bench.packages import HOME
from bench.stage import Stage
from sidecar.clock import SystemClock
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore

CALLS, ROUNDS = 1_000, 3
TTL = 7200.0
PEER_LIMIT = 300.0
# A million would take two minutes; what a turn of the loop costs is known before.
SWEEP_LIMIT = 15.0
# A directory and a marker for each session.
INODES_EACH, BYTES_EACH = 2, 4096


def using(live: int) -> str:
    return f"session use, CPU us, {live:,} live"


def closing(live: int) -> str:
    return f"CLOSE, CPU us, {live:,} live"


def waiting(live: int) -> str:
    return f"sweep {live:,} sessions, p99 ms that the loop comes late (no CPU time)"


def measure_sessions(stage: Stage, figures: Figures, live: Sequence[int]) -> None:
    ours, theirs = stage.scratch / "growing", stage.scratch / "growing-peer"
    asyncio.run(_grow(ours, figures, live))
    shutil.rmtree(ours)
    with stage.or_left_out("SessionManager of the in-process peer"):
        _measure_peer(theirs, figures, live)
        shutil.rmtree(theirs)


def _measure_peer(path: Path, figures: Figures, live: Sequence[int]) -> None:
    programme = [str(HOME / "bin" / "python"), str(PEERS / "mhcs_sessions.py"), str(path)]
    ended = subprocess.run(
        [*programme, *map(str, live)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PEER_LIMIT,
    )
    for number, cost in json.loads(ended.stdout).items():
        figures.add(opening(int(number)), PEER, cost)


async def _grow(path: Path, figures: Figures, live: Sequence[int]) -> None:
    store = new_store(path)
    await store.start()
    for number in live:
        for _ in range(number - store.count()):
            await store.open(TTL)
        await asyncio.sleep(1.5)  # the sweep has read of them
        gc.collect()
        for _ in range(ROUNDS):
            await _round_trip(store, figures, number)
    await store.stop()


async def _round_trip(store: TmpfsStore, figures: Figures, live: int) -> None:
    times = [time.thread_time()]
    made = [(await store.open(TTL)).id for _ in range(CALLS)]
    times.append(time.thread_time())
    for session_id in made:
        await store.get(session_id)
    times.append(time.thread_time())
    for session_id in made:
        await store.close(session_id)
    times.append(time.thread_time())
    for place, measure in enumerate((opening, using, closing)):
        figures.add(measure(live), EXPRESS, (times[place + 1] - times[place]) / CALLS * 1e6)


def measure_restart(stage: Stage, figures: Figures, live: int) -> None:
    if not has_room(stage.scratch, live):
        stage.leave_out(f"{live:,} sessions", f"no room for so many in {stage.scratch.parent}")
        return
    path = stage.scratch / "restored"
    make = [sys.executable, "-m", "bench.sessions", str(path), str(live)]
    subprocess.run(make, check=True, timeout=PEER_LIMIT)
    asyncio.run(_restart(path, figures, live))
    asyncio.run(_expire(path, figures, live))
    shutil.rmtree(path)


def has_room(path: Path, live: int) -> bool:
    """An inode is memory too, which a file system in memory does not count."""
    room, memory = os.statvfs(path), os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    free = min(memory, room.f_bavail * room.f_frsize)
    return room.f_favail > live * INODES_EACH and free > live * BYTES_EACH


async def fill(path: Path, live: int) -> None:
    """In a process of its own, so that a restart finds nothing warm."""
    store = new_store(path)
    for _ in range(live):
        await store.open(TTL)


async def _restart(path: Path, figures: Figures, live: int) -> None:
    store = new_store(path)
    began = time.process_time()
    await store.start()
    await turns_until(lambda: len(store.sweep) >= live, pause=0.01)
    figures.add(restoring(live), EXPRESS, time.process_time() - began)
    await store.stop()


async def _expire(path: Path, figures: Figures, live: int) -> None:
    """A start that finds all of them beyond a limit of nothing, so that all are swept."""
    store = new_store(path, ttl_limit=0.0)
    await store.start()
    limit = time.monotonic() + SWEEP_LIMIT
    turns = await turns_until(lambda: store.count() == 0 or time.monotonic() > limit)
    figures.add(sweeping(live), EXPRESS, quantiles([used for used, _ in turns], n=100)[-1])
    figures.add(waiting(live), EXPRESS, quantiles([late for _, late in turns], n=100)[-1])
    await store.stop()


async def turns_until(
    is_done: Callable[[], bool], pause: float = 0.001
) -> list[tuple[float, float]]:
    """Milliseconds of processor time of each turn of the loop, and how late it came."""
    turns = []
    while not is_done():
        used, began = time.thread_time(), time.perf_counter()
        await asyncio.sleep(pause)
        late = time.perf_counter() - began - pause
        turns.append(((time.thread_time() - used) * 1e3, late * 1e3))
    return turns


def new_store(path: Path, ttl_limit: float = TTL) -> TmpfsStore:
    return TmpfsStore(Root(path), clock=SystemClock(), ttl_limit=ttl_limit)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), int(sys.argv[2])))
