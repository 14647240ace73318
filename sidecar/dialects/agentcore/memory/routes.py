"""Which operation a method and a path mean: a table, and how its labels are read."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from sidecar.dialects.agentcore.errors import UnknownOperation, ValidationFailed

_SESSION: Final = "/memories/{m}/actor/{a}/sessions/{s}"

# Paths of botocore's service models bedrock-agentcore and bedrock-agentcore-control.
ROUTES: Final = (
    ("CreateEvent", "POST", "/memories/{m}/events"),
    ("ListEvents", "POST", _SESSION),
    ("GetEvent", "GET", _SESSION + "/events/{e}"),
    ("DeleteEvent", "DELETE", _SESSION + "/events/{e}"),
    ("ListSessions", "POST", "/memories/{m}/actor/{a}/sessions"),
    ("ListActors", "POST", "/memories/{m}/actors"),
    ("BatchCreateMemoryRecords", "POST", "/memories/{m}/memoryRecords/batchCreate"),
    ("BatchUpdateMemoryRecords", "POST", "/memories/{m}/memoryRecords/batchUpdate"),
    ("BatchDeleteMemoryRecords", "POST", "/memories/{m}/memoryRecords/batchDelete"),
    ("ListMemoryRecords", "POST", "/memories/{m}/memoryRecords"),
    ("GetMemoryRecord", "GET", "/memories/{m}/memoryRecord/{r}"),
    ("DeleteMemoryRecord", "DELETE", "/memories/{m}/memoryRecords/{r}"),
    ("GetMemory", "GET", "/memories/{m}/details"),
    # Before ListMemories, whose own path is an empty label of it.
    ("CreateMemory", "POST", "/memories/create"),
    ("ListMemories", "POST", "/memories/"),
    ("ListMemories", "POST", "/memories"),
    ("UpdateMemory", "PUT", "/memories/{m}/update"),
    ("DeleteMemory", "DELETE", "/memories/{m}/delete"),
    ("RetrieveMemoryRecords", "POST", "/memories/{m}/retrieve"),
    ("IngestData", "POST", "/memories/{m}/ingest"),
    ("ListMemoryExtractionJobs", "POST", "/memories/{m}/extractionJobs"),
    ("StartMemoryExtractionJob", "POST", "/memories/{m}/extractionJobs/start"),
)
# An ARN that was not encoded has one slash, so one segment more.
_BARE_ARN: Final = re.compile(r"(/memories/arn:[^/]*:memory)/")


class Call(NamedTuple):
    operation: str
    labels: dict[str, str]
    """m, a, s, e, r: memory, actor, session, event, record."""


def call(method: str, path: str) -> Call:
    """`path` as it was sent: a slash inside a label is encoded."""
    path = _BARE_ARN.sub(r"\1%2F", path, count=1)
    for operation, verb, pattern in _PATTERNS:
        found = pattern.fullmatch(path)
        if found is not None and verb == method:
            return Call(
                operation, {name: _decoded(text) for name, text in found.groupdict().items()}
            )
    raise UnknownOperation(f"{method} {path[:200]} is no operation of this API")


def _decoded(label: str) -> str:
    try:
        return unquote(label, errors="strict")
    except UnicodeDecodeError:
        raise ValidationFailed("the path is not UTF-8") from None


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w)\}", r"(?P<\1>[^/]+)", template))


_PATTERNS: Final = tuple((name, verb, _pattern(template)) for name, verb, template in ROUTES)
