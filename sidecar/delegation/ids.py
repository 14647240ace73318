"""The engine's ids: made here, or read from its reply and brought into the form it wants."""

import secrets
import uuid
from typing import Any

from sidecar.delegation.grammar.preset import IdRule

EngineId = str | int


class NoId(Exception):
    """What the engine answered with cannot be an id."""


def made(rule: IdRule, public_id: str) -> EngineId | None:
    """None: the rule makes none, or a slot has to be leased."""
    match rule.generate:
        case "public_hex":
            return public_id.replace("-", "")
        case "uuid4":
            return str(uuid.uuid4())
        case "hex32":
            return uuid.uuid4().hex
        case "uint64":
            number = secrets.randbelow(2**64 - 1) + 1  # Triton takes 0 for no id
            return str(number) if rule.kind == "string" else number
        case _:
            return None


def slot(rule: IdRule, number: int) -> EngineId:
    return str(number) if rule.kind == "string" else number


def taken_from_reply(rule: IdRule, value: Any) -> EngineId:
    """Raises NoId."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NoId
    text = str(value)
    if not text or len(text) > rule.max_length or not text.isprintable():
        raise NoId
    if rule.kind == "number":
        if not text.isdecimal() or not text.isascii():
            raise NoId
        return int(text)
    return text if rule.kind == "string" else value
