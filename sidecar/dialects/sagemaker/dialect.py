"""The SageMaker dialect: what each request means, as a pure function of what it says."""

import re
from enum import Enum, auto

from sidecar.dialects.intent import (
    Answer,
    Begin,
    Close,
    Dialect,
    Intent,
    Open,
    Pass,
    Peek,
    Ping,
    Route,
    Use,
    Voice,
)
from sidecar.dialects.sagemaker import answers, control
from sidecar.dialects.sagemaker.events import EventStreamEncoder
from sidecar.errors import InvalidSessionId, SessionNotFound, SessionsDisabled
from sidecar.head import Head
from sidecar.headers import NEW_SESSION_ID, SESSION_ID
from sidecar.sessions.session import Session, is_well_formed

_ENDPOINT = re.compile(r"/endpoints/[^/]+/invocations(-response-stream)?")
_DISABLED = "Invalid payload. stateful sessions not enabled"

# Credentials and bookkeeping of the AWS SDK: meant for the API, which does not pass them on.
_API_ONLY = frozenset(
    (
        b"authorization",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-amz-content-sha256",
        b"amz-sdk-invocation-id",
        b"amz-sdk-request",
        b"x-amzn-sagemaker-accept",
    )
)


class Door(Enum):
    """Which of the dialect's paths a request came through."""

    NONE = auto()
    PING = auto()
    INVOCATIONS = auto()
    ENDPOINT = auto()
    ENDPOINT_STREAM = auto()


_PLATFORM = Voice(refuse=answers.refuse)
_API_HEADERS = (("x-Amzn-Invoked-Production-Variant", "AllTraffic"),)
_API = Voice(
    refuse=answers.refuse_api, engine_error=answers.model_error, reply_headers=_API_HEADERS
)
_API_STREAM = Voice(
    refuse=answers.refuse_api,
    engine_error=answers.model_error,
    encoder=EventStreamEncoder,
    reply_headers=_API_HEADERS,
)


class SageMaker(Dialect):
    """Configured once; holds no state of requests or sessions."""

    voice = _PLATFORM

    def __init__(
        self,
        *,
        enabled: bool,
        create_on_first_use: bool,
        control_body_limit: int,
        engine_header: str | None,
        engine_path: str = "/invocations",
    ) -> None:
        self._enabled = enabled
        self._create_on_first_use = create_on_first_use
        self._peek = Peek(control_body_limit)
        self._engine_header = engine_header
        self._engine_path = engine_path

    def route(self, head: Head) -> Route:
        path = head.path
        if head.method == "POST":
            if path == "/invocations":
                target = self._engine_target(head)
                return Route(self, Door.INVOCATIONS, _PLATFORM, target, owner=head.owner)
            if match := _ENDPOINT.fullmatch(path):
                return self._endpoint_route(head, streams=match[1] is not None)
        elif path == "/ping" and head.method in ("GET", "HEAD"):
            return Route(self, Door.PING, _PLATFORM, head.target)
        return Route(self, Door.NONE, _PLATFORM, head.target, owner=head.owner)

    def decide(self, head: Head, route: Route) -> Intent:
        if route.door is Door.PING:
            return Ping()
        if route.door is not Door.NONE and self._is_worth_a_look(head):
            return self._peek
        return self._decide_use(head, route)

    def decide_body(self, head: Head, route: Route, body: bytes) -> Intent:
        request_type = control.request_type(body)
        if request_type is None:
            return self._decide_use(head, route)
        if not self._enabled:
            raise SessionsDisabled(_DISABLED)
        if route.door is Door.ENDPOINT_STREAM:
            raise answers.ValidationError(
                "send NEW_SESSION and CLOSE with invoke_endpoint: "
                "the answer to this call cannot carry a session id"
            )
        if request_type == control.NEW_SESSION:
            return Open()
        if not head.session_id:
            raise InvalidSessionId(
                f"Failed to close session: invalid session_id: {head.session_id}. "
                f"Send the id in the header {SESSION_ID}"
            )
        return Close(_checked(head.session_id, route))

    def may_be_control(self, body: bytes) -> bool:
        return control.may_be_control_body(body)

    def cannot_be_control(self, prefix: bytes) -> bool:
        return control.cannot_be_control(prefix)

    def opened(self, session: Session) -> Answer:
        return answers.opened(session)

    def closed(self, session_id: str, said: str | None) -> Answer:
        return answers.closed(session_id, said)

    def announcement(self, session: Session) -> bytes:
        return f"{NEW_SESSION_ID}: {answers.new_session_value(session)}\r\n".encode()

    def session_line(self, session: Session) -> bytes:
        if self._engine_header is None:
            return b""
        return f"{self._engine_header}: {session.id}\r\n".encode()

    def _engine_target(self, head: Head) -> str:
        return head.target.replace(head.path, self._engine_path, 1)

    def _endpoint_route(self, head: Head, *, streams: bool) -> Route:
        door, voice = (Door.ENDPOINT_STREAM, _API_STREAM) if streams else (Door.ENDPOINT, _API)
        lines = _engine_lines(head, streams=streams)
        return Route(self, door, voice, self._engine_target(head), lines, head.owner)

    def _is_worth_a_look(self, head: Head) -> bool:
        if not head.has_body or (head.content_length or 0) > self._peek.limit:
            return False
        return control.may_be_control(head.content_type, head.content_encoding)

    def _decide_use(self, head: Head, route: Route) -> Intent:
        if head.session_id is None:
            return Pass()
        if not self._enabled:
            raise SessionsDisabled(f"{_DISABLED}, {SESSION_ID} header not supported")
        if head.session_id != control.NEW_SESSION or not self._create_on_first_use:
            return Use(_checked(head.session_id, route))
        if route.door is Door.ENDPOINT_STREAM:
            raise answers.ValidationError(
                "open the session with invoke_endpoint first: "
                "the answer to this call cannot carry its id"
            )
        return Begin()


def _checked(session_id: str, route: Route) -> str:
    if is_well_formed(session_id):
        return session_id
    error = SessionNotFound(session_id)
    if route.door in (Door.ENDPOINT, Door.ENDPOINT_STREAM):
        raise answers.ValidationError(f"{error.message}: it is not a well-formed session id")
    raise error


def _engine_lines(head: Head, *, streams: bool) -> list[bytes]:
    """What of an API call's headers is meant for the container."""
    kept, accept = [], b""
    for line in head.lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"x-amzn-sagemaker-accept" and streams:
            accept = b"Accept:" + value
        if name.lower() not in _API_ONLY:
            kept.append(line)
    if accept:
        kept = [line for line in kept if not line.lower().startswith(b"accept:")] + [accept]
    return kept
