"""Changes of a client's request on its way to the engine, collected and then made at once.

What a client sends at a place of ours never wins, in whatever spelling: it could steer its request
into somebody else's session.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_plus

from sidecar.delegation.grammar.place import Place, Strip
from sidecar.delegation.grammar.template import MISSING, header_text
from sidecar.engine.request import EngineRequest
from sidecar.headers import plain
from sidecar.splice import Edits


class Changes:
    def __init__(self) -> None:
        self._body = Edits()
        self._headers: list[tuple[str, Any]] = []
        self._query: list[tuple[str, Any]] = []
        self._strip: Sequence[Strip] = ()

    def put(self, place: Place, value: Any) -> None:
        """MISSING removes what the client sent there."""
        match place.part:
            case "headers":
                self._headers.append((place.name, value))
            case "query":
                self._query.append((place.name, value))
            case "body" if value is MISSING:
                self._body.remove(place.path)
            case "body":
                self._body.set(place.path, value)

    def strip(self, names: Sequence[Strip]) -> None:
        self._strip = names

    def apply(self, request: EngineRequest) -> None:
        """Raises BadRequest where the body has no room for what goes there."""
        for name, value in self._query:
            request.target = _with_parameter(request.target, name, value)
        request.lines = [line for line in request.lines if not self._is_stripped(line)]
        for name, value in self._headers:
            _set_header(request, name, value)
        if request.body:
            request.body = self._body.apply(request.body)

    def _is_stripped(self, line: bytes) -> bool:
        name = line.partition(b":")[0]
        return any(each.takes(name) for each in self._strip)


def _set_header(request: EngineRequest, name: str, value: Any) -> None:
    wanted = plain(name.encode())
    lines = [line for line in request.lines if plain(line.partition(b":")[0]) != wanted]
    if value is not MISSING:
        lines.append(f"{name}: {header_text(value, name)}\r\n".encode())
    request.lines = lines


def _with_parameter(target: str, name: str, value: Any) -> str:
    path, _, query = target.partition("?")
    kept = [
        each for each in query.split("&") if each and unquote_plus(each.partition("=")[0]) != name
    ]
    if value is not MISSING:
        text = value if isinstance(value, str) else str(value)
        kept.append(f"{quote(name, safe='')}={quote(text, safe='')}")
    return f"{path}?{'&'.join(kept)}" if kept else path
