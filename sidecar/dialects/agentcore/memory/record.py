"""A memory record that a user wrote: its checked fields, and the form it is kept and shown in."""

import uuid
from hashlib import sha256
from typing import Any, Final

from sidecar.dialects.agentcore.fields import Fields, Rule
from sidecar.dialects.agentcore.memory.rules import METADATA_KEY, NAMESPACE, STRATEGY

# Limits of botocore's service model.
_TEXT: Final = Rule(1, 16_000)
_NAMESPACES: Final = 1
_METADATA: Final = 20
_STRING: Final = Rule(1, 256, METADATA_KEY.pattern)
_LISTED: Final = Rule(1, 64, METADATA_KEY.pattern)
_LIST: Final = 5
# The member is required in answers, and no strategy made these.
_NO_STRATEGY: Final = "user-written"

Record = dict[str, Any]


def new(fields: Fields, record_id: str, now: float) -> Record:
    return {
        "memoryRecordId": record_id,
        "memoryStrategyId": _NO_STRATEGY,
        "createdAt": round(now, 3),
        "content": _content(fields),
        "namespaces": _namespaces(fields),
        **changes(fields),
    }


def changes(fields: Fields) -> Record:
    """What an update sets; what it does not name stays as it was."""
    changed: Record = {"timestamp": fields.timestamp("timestamp") / 1000}
    if "content" in fields:
        changed["content"] = _content(fields)
    if "namespaces" in fields:
        changed["namespaces"] = _namespaces(fields)
    if "memoryStrategyId" in fields:
        changed["memoryStrategyId"] = fields.text("memoryStrategyId", STRATEGY)
    if "metadata" in fields:
        entries = fields.entries("metadata", _METADATA, METADATA_KEY)
        changed["metadata"] = {key: metadata_value(value) for key, value in entries}
    return changed


def derived_id(memory: str, token: str, request_identifier: str, position: int) -> str:
    """The same for the same request sent again."""
    given = f"{len(memory)} {memory} {len(token)} {token} {position} {request_identifier}"
    digest = sha256(given.encode("utf-8", "surrogatepass")).digest()
    return f"mem-{uuid.UUID(bytes=digest[:16])}"


def metadata_value(fields: Fields) -> dict[str, Any]:
    kind = fields.one_of("stringValue", "stringListValue", "numberValue", "dateTimeValue")
    if kind == "stringValue":
        return {kind: fields.text(kind, _STRING)}
    if kind == "numberValue":
        return {kind: fields.number(kind)}
    if kind == "dateTimeValue":
        return {kind: fields.timestamp(kind) / 1000}
    return {kind: fields.texts(kind, _LISTED, _LIST, 1)}


def _content(fields: Fields) -> dict[str, str]:
    return {"text": fields.child("content").text("text", _TEXT)}


def _namespaces(fields: Fields) -> list[str]:
    return fields.texts("namespaces", NAMESPACE, _NAMESPACES)
