"""What every process of the sidecar is made of, whether it serves data or looks after others."""

import logging
import sys
import tempfile
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.config import Settings
from sidecar.engine.engine import Engine
from sidecar.errors import StoreFailed
from sidecar.headers import Vocabulary
from sidecar.sessions.root import open_root
from sidecar.sessions.tmpfs import TmpfsStore

logger = logging.getLogger("sidecar")


def make_store(settings: Settings) -> TmpfsStore | None:
    """The store, not started; None when it cannot be used, which has been said."""
    fallback = Path(tempfile.gettempdir()) / "sagemaker_sessions"
    try:
        root, problem = open_root(Path(settings.sessions_path), fallback)
    except StoreFailed as error:
        print(error.message, file=sys.stderr)
        return None
    if problem is not None:
        logger.warning(problem)
    return TmpfsStore(
        root,
        clock=SystemClock(),
        ttl_limit=settings.sessions_ttl,
        max_sessions=settings.sessions_max,
        expiration_file=settings.sessions_expiration_file,
    )


def make_engine(settings: Settings, vocabulary: Vocabulary) -> Engine:
    return Engine(
        settings.engine_url,
        vocabulary,
        connect_timeout=settings.engine_connect_timeout,
        idle_limit=settings.engine_idle_seconds,
    )


def cannot_listen(setting: str, error: OSError) -> int:
    """Say so. Returns the exit code."""
    print(f"{setting}: {error.strerror}", file=sys.stderr)
    return 1
