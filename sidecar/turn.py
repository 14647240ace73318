"""What is noted about one request, from its head to its last byte, for the log and the metrics."""

import time
from typing import Any


class Turn:
    """Both lanes fill one in and hand it on when the request has ended; times are monotonic.

    intent: refused, undecided (its body was never understood), or an intent's name in lower case.
    """

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "client",
        "error",
        "first_byte",
        "forwarded",
        "intent",
        "left",
        "method",
        "path",
        "replica",
        "request_id",
        "session",
        "started",
        "status",
        "trace",
        "trace_id",
    )

    def __init__(
        self,
        method: str,
        path: str,
        client: str,
        request_id: str | None = None,
        trace_id: str | None = None,
    ) -> None:
        self.method = method
        self.path = path  # without the query, which may hold secrets
        self.client = client  # its address, without the port
        self.started = time.monotonic()
        self.forwarded: float | None = None  # when the head went to the engine
        self.first_byte: float | None = None  # when the engine's head had come
        self.intent = "refused"
        self.session: str | None = None
        self.status = 0  # 0: nothing was answered
        self.bytes_in = 0
        self.bytes_out = 0
        self.request_id = request_id
        self.trace_id = trace_id
        self.error: str | None = None
        self.replica: str | None = None  # its address, where there are several
        self.trace: Any = None  # its spans, where they are made
        self.left = False  # the client went away before its answer was complete
