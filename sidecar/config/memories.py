"""From text to the AgentCore memories that there are: `chats-0123456789=30,notes-0123456789`."""

from collections.abc import Mapping
from typing import Final

from sidecar.config.values import wrong

# What CreateMemory of botocore's service model bedrock-agentcore-control allows, in days.
MOST_DAYS: Final = 3650
_ID_LENGTH: Final = 111


def days(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_DAYS:
        return int(text)
    raise wrong(text, "is not a number of days", f"give 1 to {MOST_DAYS}")


def memory(text: str) -> str:
    if not text or len(text) > _ID_LENGTH or set(text) & set(":/= "):
        raise wrong(text, "names no memory", "write an id, not an ARN, as in chats-0123456789")
    return text


def told(text: str) -> str:
    """An id or an ARN, for a header line of a request to the agent."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    raise wrong(text, "cannot be in a header", "write a memory's id or its ARN")


def declared(text: str) -> Mapping[str, int | None]:
    """Days by id; None where they are not given."""
    found: dict[str, int | None] = {}
    for word in text.split(","):
        name, equals, given = word.strip().partition("=")
        if memory(name) in found:
            raise wrong(name, "is named twice", "leave one out")
        found[name] = days(given) if equals else None
    return found
