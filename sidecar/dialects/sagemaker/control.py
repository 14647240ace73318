"""Control requests: a JSON object with `requestType` on POST /invocations.

The body is `{"requestType": "NEW_SESSION" | "CLOSE"}` and nothing else (SessionRequest of
model-hosting-container-standards 0.1.16).
"""

import json
import re

from sidecar.errors import BadRequest
from sidecar.headers import is_coded, is_json

_FORM = re.compile(rb"application/x-www-form-urlencoded[ \t]*(?:;.*)?", re.IGNORECASE)
NEW_SESSION = "NEW_SESSION"
CLOSE = "CLOSE"


def may_be_control(content_type: bytes | None, content_encoding: bytes | None) -> bool:
    """Whether the body is worth a look.

    curl sends a form type when it is told none, and boto3 1.44 sends none at all: both count.
    """
    if is_coded(content_encoding):
        return False
    return content_type is None or is_json(content_type) or bool(_FORM.fullmatch(content_type))


def cannot_be_control(prefix: bytes) -> bool:
    """True as soon as the beginning of a body shows that it is no JSON object."""
    start = prefix.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    return start not in (b"", b"{")


def may_be_control_body(body: bytes) -> bool:
    """A key may be written with \\u escapes; most bodies have neither, and are not parsed."""
    # `in` first takes its left side for a number, and drops the exception: 0.1 us each.
    return body.find(b"requestType") >= 0 or body.find(b"\\u") >= 0


def request_type(body: bytes) -> str | None:
    """NEW_SESSION, CLOSE, or None when the body is not a control request.

    Raises BadRequest, naming the field, when it is one but not a valid one.
    """
    if not may_be_control_body(body):
        return None
    fields = _object_fields(body)
    if fields is None or "requestType" not in fields:
        return None
    for name, count in fields.counts.items():
        if name != "requestType":
            raise BadRequest(f"unexpected field {name!r} beside 'requestType': remove it")
        if count > 1:
            raise BadRequest("'requestType' is given more than once")
    value = fields["requestType"]
    if value not in (NEW_SESSION, CLOSE):
        raise BadRequest(f"'requestType' must be '{NEW_SESSION}' or '{CLOSE}'")
    return str(value)


class _Fields(dict[str, object]):
    """A JSON object that remembers how often each of its keys was written."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.counts: dict[str, int] = {}
        for name, _ in pairs:
            self.counts[name] = self.counts.get(name, 0) + 1


def _object_fields(body: bytes) -> _Fields | None:
    try:
        value = json.loads(body, object_pairs_hook=_Fields)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, _Fields) else None
