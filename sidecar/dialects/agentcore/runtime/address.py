"""Which runtime, session and turn a request is about: read from its path and headers."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, unquote

from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.fields import Rule
from sidecar.dialects.intent import ApiRequest

SESSION: Final = "x-amzn-bedrock-agentcore-runtime-session-id"
# Every attempt of an AWS SDK to make one call carries the same one.
INVOCATION: Final = "amz-sdk-invocation-id"

# The ARN is one segment when it is encoded, and has a slash in it when it is not.
_RUNTIME: Final = re.compile(r"/runtimes/(.+)/([^/]+)")
_PLAIN: Final = {"/invocations": "invocations", "/ws": "ws"}
# botocore's service model has 33 to 256; tools that talk to an agent directly send shorter ones.
_STRICT: Final = Rule(33, 256)
_LENIENT: Final = Rule(1, 256)


@dataclass(frozen=True, slots=True)
class Door:
    """`runtime`: an ARN or an id as it was sent; empty where the agent is addressed directly."""

    operation: str
    runtime: str


@dataclass(frozen=True, slots=True)
class Turn:
    """`invocation` is None where the client gave its call no name: it will not try again."""

    session_id: str
    key: str
    """The session's id in the store."""
    invocation: str | None


def door(path: str) -> Door | None:
    """None: the path is none of the runtime's."""
    plain = _PLAIN.get(path)
    if plain is not None:
        return Door(plain, "")
    found = _RUNTIME.fullmatch(path)
    return Door(found[2], unquote(found[1])) if found else None


def turn(request: ApiRequest, where: Door, *, strict: bool) -> Turn:
    """A session id is made where the client sent none: else all those clients would share one.

    Raises ValidationFailed.
    """
    session_id = request.headers.get(SESSION) or str(uuid.uuid4())
    check_session(session_id, strict=strict and bool(where.runtime))
    return Turn(session_id, session_key(request, where, session_id), _invocation(request.headers))


def check_session(session_id: str, *, strict: bool) -> None:
    broken = (_STRICT if strict else _LENIENT).broken_by(session_id)
    if broken is not None:
        message = f"runtimeSessionId: {broken}"
        raise ValidationFailed(message, fields=(("runtimeSessionId", broken),))


def session_key(request: ApiRequest, where: Door, session_id: str) -> str:
    """A hash: the store's ids allow neither all characters nor who asks to choose one."""
    qualifier = parse_qs(request.query).get("qualifier", ["DEFAULT"])[0]
    name = "\0".join((where.runtime, qualifier, session_id))
    return f"a{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _invocation(headers: Mapping[str, str]) -> str | None:
    shown = headers.get(INVOCATION)
    return None if not shown else sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:32]
