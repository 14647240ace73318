"""The header lines that go to the agent, and those of its reply that go back."""

import uuid
from collections.abc import Iterable
from typing import Final

from sidecar.dialects.agentcore.runtime.address import SESSION
from sidecar.engine.reply import Reply

_PREFIX: Final = "X-Amzn-Bedrock-AgentCore-Runtime-"
_USER: Final = b"x-amzn-bedrock-agentcore-runtime-user-id"
_REQUEST: Final = b"x-amzn-bedrock-agentcore-runtime-request-id"
_ACTOR: Final = b"x-amzn-bedrock-agentcore-runtime-custom-actor-id"
_MEMORY: Final = b"x-amzn-bedrock-agentcore-runtime-custom-memory-id"
# The agent's own connection has its own; a session's id is written by us.
_REPLACED: Final = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"expect", SESSION.encode())
)
# Credentials and bookkeeping of the AWS SDK are meant for the service, which keeps them.
_SERVICE_ONLY: Final = (
    b"x-amz-date",
    b"x-amz-security-token",
    b"x-amz-content-sha256",
    b"amz-sdk-",
)
_PASSED_BACK: Final = frozenset(
    (
        b"mcp-session-id",
        b"mcp-protocol-version",
        b"x-amzn-trace-id",
        b"traceparent",
        b"tracestate",
        b"baggage",
    )
)


def to_agent(
    lines: Iterable[bytes], session_id: str, *, memory_id: str | None, authorization: bool
) -> list[bytes]:
    """Its own, with who asks and which memory is meant under the names that the SDK hands on."""
    kept = {
        name: (line, value)
        for line in lines
        for name, value in [_parted(line)]
        if _goes_on(name, value, authorization=authorization)
    }
    sent = [line for line, _ in kept.values()]
    sent.append(_line("Session-Id", session_id))
    if _REQUEST not in kept:
        sent.append(_line("Request-Id", str(uuid.uuid4())))
    if b"content-type" not in kept:
        sent.append(b"Content-Type: application/json\r\n")
    if _ACTOR not in kept and _USER in kept:
        sent.append(_line("Custom-Actor-Id", kept[_USER][1].decode("latin-1")))
    if _MEMORY not in kept and memory_id is not None:
        sent.append(_line("Custom-Memory-Id", memory_id))
    return sent


def from_agent(reply: Reply) -> tuple[tuple[str, str], ...]:
    found = (_parted(line) for line in reply.lines)
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in found
        if name in _PASSED_BACK
    )


def _goes_on(name: bytes, value: bytes, *, authorization: bool) -> bool:
    if name == b"authorization":
        return authorization and not value.startswith(b"AWS4-")
    return name not in _REPLACED and not name.startswith(_SERVICE_ONLY)


def _parted(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


def _line(name: str, value: str) -> bytes:
    return f"{_PREFIX}{name}: {value}\r\n".encode("latin-1")
