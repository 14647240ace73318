"""The error tree: every refusal of ours, with its status and kind on the class.

A dialect renders these in one place (`dialects/<name>/answers.py`); nothing else turns an
exception into an answer.
"""


class SidecarError(Exception):
    """Something the client must be told. The message is one sentence and says what to do."""

    status = 500
    kind = "InternalError"
    retry_after: int | None = None

    @property
    def message(self) -> str:
        return str(self)


class BadRequest(SidecarError):
    status = 400
    kind = "BadRequestError"


class MethodNotAllowed(SidecarError):
    status = 405
    kind = "MethodNotAllowed"


class ClientTooSlow(SidecarError):
    status = 408
    kind = "RequestTimeout"


class BodyTooLarge(SidecarError):
    status = 413
    kind = "PayloadTooLarge"


class TargetTooLong(SidecarError):
    status = 414
    kind = "URITooLong"


class ExpectationFailed(SidecarError):
    status = 417
    kind = "ExpectationFailed"


class UpgradeRequired(SidecarError):
    status = 426
    kind = "UpgradeRequired"


class HeadTooLarge(SidecarError):
    status = 431
    kind = "RequestHeaderFieldsTooLarge"


class VersionNotSupported(SidecarError):
    status = 505
    kind = "HTTPVersionNotSupported"


class Overloaded(SidecarError):
    """The sidecar itself has no room: its connections are at their limit."""

    status = 503
    kind = "Overloaded"
    retry_after = 1


class SessionNotFound(BadRequest):
    """Unknown, malformed, expired or closed: a client cannot tell which, and need not.

    The id may be anything a client sent, so what is said of it is printable and as long as the
    longest id that botocore's service model allows.
    """

    def __init__(self, session_id: str) -> None:
        shown = "".join(filter(str.isprintable, session_id))[:256]
        super().__init__(f"session not found: {shown}")


class SessionExists(SidecarError):
    """A new session was to have the id of a live one."""

    status = 409
    kind = "Conflict"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session already exists: {session_id}")


class SessionsDisabled(BadRequest):
    pass


class InvalidSessionId(SidecarError):
    """A control request that needs an id came without one (424: vLLM's test-suite asserts it)."""

    status = 424
    kind = "FailedDependency"


class SessionBusy(SidecarError):
    """Another request of the session is being answered, and this one is not to wait."""

    status = 409
    kind = "Conflict"
    retry_after = 1


class TooManyWaiting(SidecarError):
    status = 429
    kind = "TooManyRequests"
    retry_after = 1


class StoreFull(SidecarError):
    """No room for one more session; sessions that exist keep working."""

    status = 503
    kind = "ServiceUnavailable"
    retry_after = 5


class StoreFailed(SidecarError):
    """The store could not do what it was asked, for another reason than room."""

    status = 424
    kind = "FailedDependency"


class StoreUnavailable(StoreFailed):
    """The store could not say whether a session lives, so the request was not forwarded."""

    status = 503
    kind = "ServiceUnavailable"
    retry_after = 1


class ReplicaLost(SidecarError):
    """The session's engine is gone with what it remembered, and the session with it."""

    status = 410
    kind = "Gone"


class EngineError(SidecarError):
    """The engine did not give an answer that can be passed on."""

    status = 502
    kind = "BadGateway"
    is_gone = False
    """Nobody listens at its address."""


class EngineNotReady(EngineError):
    """The engine is known to be down or still starting, and could not be reached."""

    status = 503
    kind = "ServiceUnavailable"
    retry_after = 1


class NoDescriptors(EngineError):
    """Our own shortage: it says nothing of the engine."""

    status = 503
    kind = "Overloaded"
    retry_after = 1


class EngineTimeout(EngineError):
    status = 504
    kind = "GatewayTimeout"
