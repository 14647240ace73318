"""Every answer of the SageMaker dialect, and the one place where an error becomes an answer.

Two voices: towards the platform (plain `/invocations` and every other path), and towards boto3
(`/endpoints/...`), which expects what the SageMaker API sends.
"""

import json
import time
from collections.abc import Mapping

from sidecar.dialects.intent import Answer
from sidecar.errors import BadRequest, EngineNotReady, SidecarError
from sidecar.headers import CLOSED_SESSION_ID, NEW_SESSION_ID
from sidecar.sessions.session import Session

_JSON = "application/json"
# An engine's error page may be long; the API's message field need not carry all of it.
ORIGINAL_MESSAGE_LIMIT = 65536


class ValidationError(BadRequest):
    """What the SageMaker API itself refuses before a container is asked."""

    kind = "ValidationError"


def opened(session: Session) -> Answer:
    return Answer(
        200,
        (session.said or f"Session {session.id} created").encode(),
        headers=((NEW_SESSION_ID, new_session_value(session)),),
    )


def closed(session_id: str, said: str | None) -> Answer:
    return Answer(
        200,
        (said or f"Session {session_id} closed").encode(),
        headers=((CLOSED_SESSION_ID, session_id),),
    )


def new_session_value(session: Session) -> str:
    """`<id>; Expires=YYYY-MM-DDThh:mm:ssZ`; botocore's service model requires both parts."""
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires))
    return f"{session.id}; Expires={expires}"


def refuse(error: SidecarError) -> Answer:
    """Readable by vLLM's and OpenAI's clients (`error.message`) and by FastAPI's (`detail`)."""
    body = {
        "error": {"message": error.message, "type": error.kind, "code": error.status},
        "detail": error.message,
    }
    return Answer(error.status, _dump(body), _JSON, _retry_after(error))


def refuse_api(error: SidecarError) -> Answer:
    """The same error as the SageMaker API words it."""
    if isinstance(error, ValidationError):
        return _api_error(400, "ValidationError", {"Message": error.message})
    if isinstance(error, EngineNotReady):
        return _api_error(429, "ModelNotReadyException", {"Message": error.message})
    return model_error(error.status, refuse(error).body)


def model_error(status: int, original: bytes) -> Answer:
    """The container answered with an error: 424, with its own status and words inside."""
    message = original[:ORIGINAL_MESSAGE_LIMIT].decode("utf-8", "replace")
    body = {
        "Message": f"Received client error ({status}) from primary with message {message!r}"
        if status < 500
        else f"Received server error ({status}) from primary with message {message!r}",
        "OriginalStatusCode": status,
        "OriginalMessage": message,
        "LogStreamArn": "",
    }
    return _api_error(424, "ModelError", body)


def _api_error(status: int, kind: str, body: dict[str, object]) -> Answer:
    return Answer(status, _dump(body), _JSON, (("x-amzn-errortype", kind),))


def _retry_after(error: SidecarError) -> tuple[tuple[str, str], ...]:
    return () if error.retry_after is None else (("Retry-After", str(error.retry_after)),)


def _dump(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode()
