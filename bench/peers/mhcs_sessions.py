"""What a session costs the in-process peer: mhcs_sessions.py DIRECTORY LIVE... gives JSON."""

import json
import statistics
import sys
import time
from pathlib import Path

from model_hosting_container_standards.sagemaker.sessions.manager import SessionManager

CALLS = 25
TTL = 7200


def cost(path: Path, live: int) -> float:
    """Microseconds of processor time to make one.

    Its own create looks at all sessions each time, so the many are made without it.
    """
    for number in range(live):
        session = path / f"filler-{number}"
        if not session.exists():
            session.mkdir(parents=True)
            (session / ".expiration_ts").write_text(str(time.time() + TTL))
    manager = SessionManager({"sessions_path": str(path), "sessions_expiration": str(TTL)})
    return statistics.median(one(manager) for _ in range(CALLS))


def one(manager: SessionManager) -> float:
    began = time.thread_time()
    session = manager.create_session()
    took = (time.thread_time() - began) * 1e6
    manager.close_session(session.session_id)
    return took


if __name__ == "__main__":
    path = Path(sys.argv[1])
    print(json.dumps({live: cost(path, int(live)) for live in sys.argv[2:]}))
