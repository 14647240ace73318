"""Every answer of the AgentCore dialect, and the one place where an error becomes an answer.

botocore and the JavaScript SDK read an error's code from `x-amzn-errortype`, its text from
`message`, and show `x-amzn-requestid`.
"""

import json
import uuid
from typing import Any, NamedTuple

from sidecar.dialects.agentcore.errors import CANNOT_PARSE, QuotaExceeded, ValidationFailed
from sidecar.dialects.intent import Answer
from sidecar.errors import BadRequest, BodyTooLarge, Overloaded, SidecarError, StoreFull

_JSON = "application/json"


class Plane(NamedTuple):
    """The two service models name the same two errors differently."""

    throttled: str
    internal: str


MEMORY = Plane("ThrottledException", "ServiceException")
RUNTIME = Plane("ThrottlingException", "InternalServerException")


def dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def ok(body: Any, status: int = 200) -> Answer:
    return ok_text(dump(body), status)


def ok_text(text: str, status: int = 200) -> Answer:
    return Answer(status, text.encode(), _JSON, (request_id(),))


def refuse(error: SidecarError, plane: Plane) -> Answer:
    status, kind = _code(error, plane)
    body: dict[str, Any] = {"message": error.message}
    if kind == ValidationFailed.kind:
        body |= _details(error)
    return Answer(status, dump(body).encode(), _JSON, (("x-amzn-errortype", kind), request_id()))


def _code(error: SidecarError, plane: Plane) -> tuple[int, str]:
    if isinstance(error, BadRequest | BodyTooLarge):
        return ValidationFailed.status, ValidationFailed.kind
    if isinstance(error, StoreFull):
        return QuotaExceeded.status, QuotaExceeded.kind
    if isinstance(error, Overloaded) or error.status == 429:
        return 429, plane.throttled
    if error.kind.endswith(("Exception", "ClientError")):
        return error.status, error.kind
    return 500, plane.internal


def _details(error: SidecarError) -> dict[str, Any]:
    if not isinstance(error, ValidationFailed):
        return {"reason": CANNOT_PARSE, "fieldList": []}
    fields = [{"name": name, "message": message} for name, message in error.fields]
    return {"reason": error.reason, "fieldList": fields}


def request_id() -> tuple[str, str]:
    return "x-amzn-requestid", str(uuid.uuid4())
