"""Which runtime, session and turn a request is about: read from its path and headers."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, unquote

from sidecar.dialects.agentcore.runtime.limits import check_headers, check_session
from sidecar.dialects.intent import ApiRequest

SESSION: Final = "x-amzn-bedrock-agentcore-runtime-session-id"
# Every attempt of an AWS SDK to make one call carries the same one.
INVOCATION: Final = "amz-sdk-invocation-id"

# The ARN is one segment when it is encoded, and has a slash in it when it is not.
_RUNTIME: Final = re.compile(r"/runtimes/(.+)/([^/]+)")
_ARN: Final = re.compile(r"arn:[^:]+:bedrock-agentcore:[^:]*:([0-9]{12}):runtime/(.+)")
_PLAIN: Final = {"/invocations": "invocations", "/ws": "ws"}


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
    # Tools that talk to an agent directly send short ids: there is no service to be strict.
    strict = strict and bool(where.runtime)
    check_session(session_id, strict=strict)
    if strict:
        check_headers(request.headers)
    key = session_key(where, request.query, session_id)
    return Turn(session_id, key, _invocation(request.headers))


def session_key(where: Door, query: str, session_id: str) -> str:
    """A hash: the store's ids allow neither all characters nor who asks to choose one."""
    asked = parse_qs(query)
    account = asked.get("accountId", [""])[0]
    qualifier = asked.get("qualifier", ["DEFAULT"])[0]
    arn = _ARN.fullmatch(where.runtime)
    runtime = f"{arn[1]}/{arn[2]}" if arn else f"{account}/{where.runtime}"
    name = "\0".join((runtime, qualifier, session_id))
    return f"a{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _invocation(headers: Mapping[str, str]) -> str | None:
    shown = headers.get(INVOCATION)
    return None if not shown else sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:32]
