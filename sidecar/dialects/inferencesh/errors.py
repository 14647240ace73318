"""What the inference.sh API refuses. Its clients read the text, so the word "session" stands only
where a session is gone, and "session not found" wherever it is."""

import re
from typing import Final

from sidecar.errors import SidecarError

QUEUE_FULL: Final = "too many calls are waiting; retry later"
_WORD: Final = re.compile("session", re.IGNORECASE)


class CallFailed(Exception):
    """The task has failed; the text is its error."""


class WorkerGone(Exception):
    """No process listens at the engine's address any more: whatever it kept is lost."""


def without_word(text: str) -> str:
    """Others' words, as they may stand in an error that is not about a session that is gone."""
    return _WORD.sub("state", text)


class ApiError(SidecarError):
    """`code` is the tail of the problem's type, which the Python SDK shows as `.code`."""

    code = "bad_request"


class BadCall(ApiError):
    status = 400


class TooManyCalls(ApiError):
    status = 429
    code = "too_many_requests"
    retry_after = 1


class NoSuchApp(ApiError):
    status = 404
    code = "app_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"app not found: {without_word(_shown(name))}")


class NoSuchTask(ApiError):
    status = 404
    code = "task_not_found"

    def __init__(self, task_id: str) -> None:
        super().__init__(f"task not found: {without_word(_shown(task_id))}")


class NoSuchFile(ApiError):
    status = 404
    code = "file_not_found"


class FileTooLarge(ApiError):
    status = 413
    code = "file_too_large"


class NotOffered(ApiError):
    status = 501
    code = "not_implemented"


class NoSuchSession(ApiError):
    status = 404
    code = "SESSION_NOT_FOUND"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session not found: {_shown(session_id)}")


class SessionGone(ApiError):
    """It was there. `why` ends the sentence."""

    status = 410

    def __init__(self, session_id: str, why: str, *, expired: bool = False) -> None:
        super().__init__(f"session not found: {session_id} {why}")
        self.code = "SESSION_EXPIRED" if expired else "SESSION_ENDED"


class OtherApp(ApiError):
    status = 409

    def __init__(self, session_id: str, bound: str, asked: str, *, version: bool) -> None:
        super().__init__(f"session {session_id} belongs to {bound}, not {asked}")
        self.code = "VERSION_MISMATCH" if version else "APP_MISMATCH"


def _shown(given: str) -> str:
    return "".join(filter(str.isprintable, given))[:256]
