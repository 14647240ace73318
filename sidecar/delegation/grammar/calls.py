"""The create and the close call of a preset, in our own words or in those of MHCS.

MHCS: model-hosting-container-standards, whose custom handlers say the same with
`engine_response_session_id_path`, `engine_request_session_id_path` and shapes.
"""

from collections.abc import Mapping
from typing import Any

from sidecar.delegation.grammar.condition import conditions
from sidecar.delegation.grammar.expression import Expression, Shape
from sidecar.delegation.grammar.place import header_name, in_body
from sidecar.delegation.grammar.preset import Call, Close, Create
from sidecar.delegation.grammar.reading import Section, choice, of, seconds, statuses
from sidecar.delegation.grammar.template import Render, compile_path
from sidecar.delegation.grammar.templates import compiled, laid, with_defaults
from sidecar.delegation.grammar.variables import Note
from sidecar.headers import NEW_SESSION_ID

_METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
# A call of an engine's session API is no inference; one that starts a model's sequence is one.
_TIMEOUT = 10.0


def create_call(section: Section, defaults: Mapping[str, Any], note: Note) -> Create:
    spelled = [
        section.read("id", Expression),
        section.read("engine_response_session_id_path", Shape),
    ]
    shaped, said = _response_shape(section, NEW_SESSION_ID)
    spelled.append(shaped)
    given = [each for each in spelled if each is not None]
    if len(given) > 1:
        section.wrong("says more than once where the id is; say it once", "id")
    create = Create(_call(section, defaults, note), given[0] if given else None, said)
    section.finish()
    return create


def close_call(section: Section, defaults: Mapping[str, Any], note: Note) -> Close:
    _, said = _response_shape(section)
    key = "engine_request_session_id_path"
    close = Close(
        _call(section, defaults, note, section.read(key, in_body_text)),
        said,
        conditions(section.raw("gone"), (*section.path, "gone"), note),
        section.read("on_shutdown", of(bool)) or False,
    )
    section.finish()
    return close


def in_body_text(value: Any) -> tuple[str, ...]:
    return in_body(of(str)(value)).path


def _call(
    section: Section,
    defaults: Mapping[str, Any],
    note: Note,
    id_path: tuple[str, ...] | None = None,
) -> Call:
    if not section.has("path"):
        section.wrong("is missing", "path")
    body, headers = section.raw("body"), dict(section.members("headers"))
    try:
        body = _shaped(section, body, id_path)
        body, headers = with_defaults(body, headers, defaults)
    except ValueError as error:
        section.wrong(str(error))
    return Call(
        method=section.read("method", choice(*_METHODS)) or "POST",
        path=section.read("path", compile_path) or (lambda scope: "/"),
        headers=tuple(_headers(section, headers, note)),
        body=None if body is None else compiled(body, (*section.path, "body"), note),
        ok=section.read("ok", statuses) or frozenset(),
        timeout=section.read("timeout", seconds) or _TIMEOUT,
    )


def _shaped(section: Section, body: Any, id_path: tuple[str, ...] | None) -> Any:
    """The body with what MHCS's words add. Raises ValueError."""
    if id_path is not None:
        body = laid(body, id_path, "${engine_id}")
    for text, source in section.members("request_shape"):
        try:
            body = laid(body, in_body(text).path, Expression(source, None))
        except ValueError as error:
            section.wrong(str(error), "request_shape", text)
    return body


def _headers(section: Section, headers: Mapping[str, Any], note: Note) -> list[tuple[str, Render]]:
    found = []
    for text, value in headers.items():
        path = (*section.path, "headers", text)
        try:
            found.append((header_name(text), compiled(value, path, note)))
        except ValueError as error:
            note(path, str(error))
    return found


def _response_shape(
    section: Section, wanted: str | None = None
) -> tuple[Shape | None, Shape | None]:
    """What is wanted of a reply, and `content`, the text of the answer to the client."""
    shape = section.section("response_shape")
    if shape is None:
        return None, None
    found = None if wanted is None else shape.read(wanted, Shape)
    said = shape.read("content", Shape)
    shape.finish()
    return found, said
