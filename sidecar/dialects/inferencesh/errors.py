"""What the inference.sh API refuses. Its clients read the text, so the word "session" stands only
where a session is gone, and "session not found" wherever it is."""

from typing import Final

from sidecar.errors import SidecarError

QUEUE_FULL: Final = "too many calls are waiting; retry later"


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


class NoSuchTask(ApiError):
    status = 404
    code = "task_not_found"


class NoSuchFile(ApiError):
    status = 404
    code = "file_not_found"


class NotOffered(ApiError):
    status = 501
    code = "not_implemented"


class NoSuchSession(ApiError):
    status = 404
    code = "SESSION_NOT_FOUND"

    def __init__(self, session_id: str) -> None:
        shown = "".join(filter(str.isprintable, session_id))[:256]
        super().__init__(f"session not found: {shown}")


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
