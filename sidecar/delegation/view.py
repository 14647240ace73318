"""What templates and expressions see of a client's request and of an engine's reply."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from sidecar.delegation.grammar.expression import Headers
from sidecar.engine.request import EngineRequest
from sidecar.headers import SESSION_ID

# An engine's own limit is to end its session behind ours, never before.
GRACE = 60.0


class RequestScope(dict[str, Any]):
    """The session's names, and the client's request if there was one: read when asked for.

    The session's header holds the engine's id: what is picked from there is meant for the engine.
    """

    def __init__(
        self, session_id: str, engine_id: str | int | None, ttl: float, origin: EngineRequest | None
    ) -> None:
        super().__init__(
            session_id=session_id,
            public_id_hex=session_id.replace("-", ""),
            ttl_plus_grace=ttl + GRACE,
        )
        if engine_id is not None:
            self["engine_id"] = engine_id
        self._origin = origin

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self and name in ("headers", "body", "query"):
            self[name] = self._read(name)
        return super().get(name, default)

    def _read(self, name: str) -> Any:
        origin = self._origin
        match name:
            case "headers":
                headers = headers_of(origin.lines if origin is not None else ())
                headers[SESSION_ID.lower()] = str(self.get("engine_id", ""))
                return headers
            case "body":
                return read_body(origin.body or b"") if origin is not None else None
            case _:
                query = origin.target.partition("?")[2] if origin is not None else ""
                return dict(parse_qsl(query, keep_blank_values=True))


def reply_view(status: int, headers: Headers, body: bytes) -> dict[str, Any]:
    return {"status": status, "headers": headers, "body": read_body(body, headers)}


def headers_of(lines: Iterable[bytes]) -> Headers:
    headers = Headers()
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        key, value = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def read_body(body: bytes, headers: Headers | None = None) -> Any:
    """JSON where it is JSON, text where it is not, None where there is nothing.

    A bare number is text unless it is said to be JSON: an id 007 must not become 7.
    """
    if not body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace").strip()
    said = (headers or Headers()).get("content-type", "")
    if isinstance(value, dict | list | str) or "json" in said.lower():
        return value
    return body.decode("utf-8", "replace").strip()


def message_of(body: Any) -> str:
    """What an engine's error says, in the shapes that engines use; one line."""
    found = body
    for key in ("error", "detail", "message"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        found = found["message"]
    text = found if isinstance(found, str) else json.dumps(found) if found is not None else ""
    return " ".join(text.split())
