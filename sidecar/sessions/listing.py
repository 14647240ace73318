"""Which sessions there are, a page at a time. For an operator: it walks the whole directory."""

import heapq
import json
from collections import Counter

from sidecar.sessions.layout import Layout, NotASession
from sidecar.sessions.lookup import Found, look
from sidecar.sessions.root import ABSENT
from sidecar.sessions.scan import names
from sidecar.sessions.session import is_well_formed


def list_found(layout: Layout, limit: int, after: str, now: float) -> list[tuple[str, Found]]:
    """The first `limit` live ones whose ids follow `after`. Slow: for a thread."""
    found: list[tuple[str, Found]] = []
    while len(found) < limit:
        wanted = limit - len(found)
        page = _page(layout, wanted, after)
        for session_id in page:
            seen = _look(layout, session_id)
            if seen is not None and seen.end > now:
                found.append((session_id, seen))
        if len(page) < wanted:
            break
        after = page[-1]
    return found


def tally_found(layout: Layout, key: str, now: float) -> dict[str, int]:
    """How many live sessions have which text there in their state. Slow: for a thread."""
    counts: Counter[str] = Counter()
    for name in names(layout.root):
        found = _look(layout, name) if is_well_formed(name) else None
        if found is not None and found.end > now:
            value = json.loads(found.record.state).get(key)
            if isinstance(value, str):
                counts[value] += 1
    return dict(counts)


def _page(layout: Layout, limit: int, after: str) -> list[str]:
    ids = (name for name in names(layout.root) if name > after and is_well_formed(name))
    return heapq.nsmallest(limit, ids)


def _look(layout: Layout, session_id: str) -> Found | None:
    try:
        return look(layout, session_id)
    except NotASession:
        return None
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
