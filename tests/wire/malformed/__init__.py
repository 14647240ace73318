"""The table of raw requests, one module for each subject."""

from tests.wire.malformed import (
    chunks,
    codings,
    fields,
    framing,
    hop_by_hop,
    hosts,
    identity,
    lengths,
    request_lines,
    targets,
)
from tests.wire.malformed.case import Case

CASES: list[Case] = [
    case
    for subject in (
        framing,
        codings,
        lengths,
        chunks,
        request_lines,
        targets,
        hosts,
        fields,
        hop_by_hop,
        identity,
    )
    for case in subject.CASES
]
