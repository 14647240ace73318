"""The session's id at a path of a JSON body."""

import json
from typing import Any

from sidecar.errors import BadRequest


def with_session_id(body: bytes, path: tuple[str, ...], session_id: str) -> bytes:
    """The body with the id at `path`; missing parents are made. Raises BadRequest."""
    where = ".".join(path)
    try:
        root: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest(f"the body is not JSON, so the session id cannot go to {where}") from None
    target = root
    for name in path[:-1]:
        if not isinstance(target, dict):
            break
        target = target.setdefault(name, {})
    if not isinstance(target, dict):
        raise BadRequest(f"the body has no object where the session id goes: {where}")
    target[path[-1]] = session_id
    return json.dumps(root, separators=(",", ":")).encode()
