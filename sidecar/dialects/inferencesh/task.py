"""A task: one call of an app, from its acceptance to its end, in the form that the SDKs read."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final


class Status(IntEnum):
    """As in the SDKs since 0.6.10; 13, rejected, is unknown to JavaScript's."""

    RECEIVED = 1
    QUEUED = 2
    RUNNING = 7
    CANCELLING = 8
    COMPLETED = 10
    FAILED = 11
    CANCELLED = 12


OVER: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@dataclass(slots=True)
class Task:
    id: str
    app: str
    version: str
    function: str
    input: Any
    session_id: str | None = None
    session_timeout: int | None = None
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    status: Status = Status.RECEIVED
    output: Any = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def slim(self) -> dict[str, Any]:
        """For the lines of a stream before its last one."""
        return {
            "id": self.id,
            "created_at": iso(self.created),
            "updated_at": iso(self.updated),
            "status": int(self.status),
            "session_id": self.session_id,
        }

    def brief(self) -> dict[str, Any]:
        return {"id": self.id, "updated_at": iso(self.updated), "status": int(self.status)}

    def whole(self, *, accepted: bool = False) -> dict[str, Any]:
        """accepted: the answer to the call itself. It must not say that the task is over:
        JavaScript's polling would then wait for a change for ever."""
        return {
            "id": self.id,
            "short_id": self.id[-8:],
            "created_at": iso(self.created),
            "updated_at": iso(self.updated),
            "status": int(Status.RECEIVED if accepted else self.status),
            "app_id": self.app,
            "app_version_id": self.version,
            "function": self.function,
            "infra": "private",
            "workers": [],
            "input": self.input,
            "output": None if accepted else self.output,
            "error": None if accepted else self.error,
            "logs": [],
            "events": [],
            "usage_events": [],
            "session_id": self.session_id,
            "session_timeout": self.session_timeout,
        }


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
