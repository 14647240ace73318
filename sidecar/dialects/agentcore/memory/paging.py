"""Where the next page begins: after the last thing of this one, whatever was added or deleted.

A token says what kind of list it is of, so that one of another list is refused.
"""

import base64
import binascii
import re
from typing import Final, NamedTuple

from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.fields import Fields, Rule

DEFAULT_RESULTS: Final = 20
MOST_RESULTS: Final = 100
_TOKEN = Rule(1, 4096)


class Page(NamedTuple):
    limit: int
    after: str


def page(fields: Fields, kind: str, cursor: str) -> Page:
    """`cursor` is the pattern of what a token of this kind holds."""
    limit = DEFAULT_RESULTS
    if "maxResults" in fields:
        limit = fields.integer("maxResults", 1, MOST_RESULTS)
    after = ""
    if "nextToken" in fields:
        after = _read(fields.text("nextToken", _TOKEN), kind, cursor)
    return Page(limit, after)


def token(kind: str, cursor: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{cursor}".encode()).decode()


def _read(text: str, kind: str, cursor: str) -> str:
    try:
        decoded = base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    given, _, after = decoded.partition(":")
    if given != kind or not re.fullmatch(cursor, after):
        message = "nextToken is not one that this operation gave out"
        raise ValidationFailed(message, fields=(("nextToken", message),))
    return after
