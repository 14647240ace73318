"""One call of the engine's session API: made from a template, and its answer judged."""

import json
from typing import Any, NamedTuple

from sidecar.delegation.grammar.condition import Condition
from sidecar.delegation.grammar.expression import Headers
from sidecar.delegation.grammar.preset import Call
from sidecar.delegation.grammar.template import MISSING, Scope, header_text
from sidecar.delegation.view import headers_of, message_of, reply_view
from sidecar.engine.call import call
from sidecar.engine.engine import Engine
from sidecar.engine.request import EngineRequest
from sidecar.errors import EngineError

# A session API answers with an id and some words; TorchServe and Triton with a whole inference.
_REPLY_LIMIT = 1024 * 1024
_MESSAGE_LIMIT = 500
_FULL_RETRY_AFTER = 5
_LONGEST_RETRY_AFTER = 3600


class EngineRefused(EngineError):
    """The engine said no; its own status and words go to the client."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status if status >= 400 else EngineError.status
        self.kind = "BadRequestError" if self.status < 500 else EngineError.kind


class EngineFull(EngineError):
    """The engine has no room for one more session."""

    status = 503
    kind = "ServiceUnavailable"

    def __init__(self, message: str, retry_after: int = _FULL_RETRY_AFTER) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Result(NamedTuple):
    status: int
    headers: Headers
    body: bytes

    @property
    def view(self) -> dict[str, Any]:
        return reply_view(*self)


async def made_call(engine: Engine, template: Call, scope: Scope, *, within: float) -> Result:
    """Raises EngineError, or BadRequest where the client's request lacks what the call needs."""
    request = rendered(template, scope)
    reply, body = await call(engine, request, within=within, limit=_REPLY_LIMIT)
    return Result(reply.status, headers_of(reply.lines), body)


def rendered(template: Call, scope: Scope) -> EngineRequest:
    lines, body = [], None
    for name, render in template.headers:
        if (value := render(scope)) is not MISSING:
            lines.append(f"{name}: {header_text(value, name)}\r\n".encode())
    if template.body is not None and (content := template.body(scope)) is not MISSING:
        body = json.dumps(content, allow_nan=False).encode()
        if not any(line.lower().startswith(b"content-type:") for line in lines):
            lines.append(b"Content-Type: application/json\r\n")
    return EngineRequest(template.method, template.path(scope), lines, body)


def matches(conditions: tuple[Condition, ...], result: Result) -> bool:
    if not any(condition.may_hold(result.status) for condition in conditions):
        return False
    view = result.view
    text = f"{result.body.decode('utf-8', 'replace')}\n{message_of(view['body'])}"
    return any(condition.holds(view, text) for condition in conditions)


def refusal(engine: Engine, what: str, result: Result) -> EngineRefused:
    return EngineRefused(
        f"the engine at {engine.address} did not {what}: {_words(result)}", result.status
    )


def fullness(engine: Engine, result: Result) -> EngineFull:
    asked = result.headers.get("retry-after", "")
    after = int(asked) if asked.isdecimal() and asked.isascii() else _FULL_RETRY_AFTER
    return EngineFull(
        f"the engine at {engine.address} has no room for another session: {_words(result)}",
        min(max(after, 1), _LONGEST_RETRY_AFTER),
    )


def _words(result: Result) -> str:
    message = message_of(result.view["body"])
    shown = "".join(filter(str.isprintable, message))[:_MESSAGE_LIMIT]
    return f"{shown} (status {result.status})" if shown else f"status {result.status}"
