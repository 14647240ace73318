"""Every answer of the inference.sh dialect, and the one place where an error becomes an answer."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sidecar.dialects.inferencesh.errors import ApiError, without_word
from sidecar.dialects.intent import Answer
from sidecar.errors import SidecarError

_JSON: Final = "application/json"
_TYPE: Final = "https://api.inference.sh/errors/"

Headers = Mapping[str, str]


def ok(data: Any, headers: Headers, warnings: list[str] | None = None) -> Answer:
    """SDKs before 0.7 want `success`, later ones take `data`, and JavaScript's before 0.6.12, which
    name version 2, the bare value."""
    if headers.get("x-api-version") == "2":
        return Answer(200, _dump(data), _JSON)
    messages = [{"level": "warning", "code": "ignored", "message": each} for each in warnings or []]
    body = {"success": True, "status": 200, "messages": messages, "data": data}
    return Answer(200, _dump(body), _JSON)


def file_answer(content_type: str, data: bytes) -> Answer:
    """Whoever uploaded it chose the type: a browser must not take it for a page of this origin."""
    guard = (("Content-Disposition", "attachment"), ("X-Content-Type-Options", "nosniff"))
    return Answer(200, data, content_type, guard)


def nothing() -> Answer:
    return Answer(204)


def refuse(error: SidecarError) -> Answer:
    """Readable by each generation of the SDKs: `detail`, or `error.message`."""
    code = error.code if isinstance(error, ApiError) else error.kind
    body = {
        "type": f"{_TYPE}{code}",
        "title": code,
        "status": error.status,
        "detail": _detail(error),
        "success": False,
        "error": {"code": code, "message": _detail(error)},
    }
    headers = () if error.retry_after is None else (("Retry-After", str(error.retry_after)),)
    return Answer(error.status, _dump(body), "application/problem+json", headers)


def _detail(error: SidecarError) -> str:
    if isinstance(error, ApiError):
        return error.message
    return without_word(error.message)


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()
