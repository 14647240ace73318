"""What CreateEvent asks for, checked: an event that has no id yet."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sidecar.dialects.agentcore.answers import dump
from sidecar.dialects.agentcore.errors import CANNOT_PARSE, ValidationFailed
from sidecar.dialects.agentcore.fields import Fields, Rule, violation
from sidecar.dialects.agentcore.memory.event import MAIN
from sidecar.dialects.agentcore.memory.rules import (
    BRANCH,
    CLIENT_TOKEN,
    EVENT_ID,
    METADATA_KEY,
    METADATA_VALUE,
    Rules,
)

# Limits of botocore's service model.
_PAYLOADS: Final = 100
_TEXT: Final = Rule(1, 100_000)
_ROLES: Final = ("USER", "ASSISTANT", "TOOL", "OTHER")
_JSON_LIMIT: Final = 100 * 1024
_METADATA: Final = 15


class Wish(NamedTuple):
    """The branch that a new event is to be on."""

    name: str = MAIN
    root: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    actor: str
    session: str
    milliseconds: int
    payload: str
    branch: Wish
    metadata: Mapping[str, str]
    token: str


def draft(fields: Fields, rules: Rules) -> Draft:
    """extractionMode and extractionConfig are accepted: there is nothing here to be extracted."""
    if "extractionMode" in fields:
        fields.choice("extractionMode", ("SKIP",))
    actor = fields.text("actorId", rules.actor)
    session = fields.text("sessionId", rules.session) if "sessionId" in fields else _new_id()
    return Draft(
        actor,
        session,
        fields.timestamp("eventTimestamp"),
        _payload(fields),
        _branch(fields),
        _metadata(fields),
        fields.text("clientToken", CLIENT_TOKEN) if "clientToken" in fields else _new_id(),
    )


def _new_id() -> str:
    return str(uuid.uuid4())


def _payload(fields: Fields) -> str:
    try:
        return dump([_item(each) for each in fields.children("payload", _PAYLOADS)])
    except RecursionError:
        raise ValidationFailed("the payload is nested too deep", reason=CANNOT_PARSE) from None


def _item(item: Fields) -> dict[str, Any]:
    kind = item.one_of("conversational", "blob", "json")
    if kind == "conversational":
        message = item.child(kind)
        text = message.child("content").text("text", _TEXT)
        return {kind: {"content": {"text": text}, "role": message.choice("role", _ROLES)}}
    if kind == "blob":
        return {kind: item.document(kind)}
    content = item.child(kind).document("content")
    if len(dump(content)) > _JSON_LIMIT:
        path = f"{item.path(kind)}.content"
        raise violation(path, None, f"Member must have at most {_JSON_LIMIT} bytes of JSON")
    return {kind: {"content": content}}


def _branch(fields: Fields) -> Wish:
    given = fields.child_or_none("branch")
    if given is None:
        return Wish()
    root = given.text("rootEventId", EVENT_ID) if "rootEventId" in given else None
    return Wish(given.text("name", BRANCH), root)


def _metadata(fields: Fields) -> dict[str, str]:
    if "metadata" not in fields:
        return {}
    entries = fields.entries("metadata", _METADATA, METADATA_KEY)
    return {key: value.text("stringValue", METADATA_VALUE) for key, value in entries}
