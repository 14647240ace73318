"""What a session costs the in-process peer: DIRECTORY LIVE... gives JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from model_hosting_container_standards.sagemaker.sessions.manager import SessionManager

from bench.peers.caches import empty_caches

CALLS = 25
TTL = 7200


def costs(path: Path, live: int) -> dict[str, float]:
    """Microseconds of processor time to make one, in a loop and after other work.

    Its own create looks at all sessions each time, so the many are made without it.
    """
    for number in range(live):
        session = path / f"filler-{number}"
        if not session.exists():
            session.mkdir(parents=True)
            (session / ".expiration_ts").write_text(str(time.time() + TTL))
    manager = SessionManager({"sessions_path": str(path), "sessions_expiration": str(TTL)})
    loop = statistics.median(one(manager) for _ in range(CALLS))
    cold = statistics.median(one(manager, empty_caches) for _ in range(CALLS))
    return {"loop": loop, "cold": cold}


def one(manager: SessionManager, before: Callable[[], None] = lambda: None) -> float:
    before()
    began = time.thread_time()
    session = manager.create_session()
    took = (time.thread_time() - began) * 1e6
    manager.close_session(session.session_id)
    return took


if __name__ == "__main__":
    path = Path(sys.argv[1])
    print(json.dumps({live: costs(path, int(live)) for live in sys.argv[2:]}))
