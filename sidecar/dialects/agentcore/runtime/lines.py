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
_SESSION: Final = SESSION.encode()
# Of the connection, not of the request.
_FRAMING: Final = frozenset((b"host", b"content-length", b"transfer-encoding"))
# Credentials and bookkeeping of the AWS SDK are meant for the service, which keeps them; but the
# SDK hands on a workload's token among them.
_SERVICE_ONLY: Final = (b"x-amz-", b"amz-sdk-")
_HANDED_ON: Final = b"x-amz-bedrock-agentcore-"
_PASSED_BACK: Final = frozenset(
    (
        b"content-encoding",  # the client has said that it can read it
        b"mcp-session-id",
        b"mcp-protocol-version",
        b"x-amzn-trace-id",
        b"traceparent",
        b"tracestate",
        b"baggage",
    )
)


class Outward:
    """What a client's header lines become on their way. `memory_id`: told to an agent whose client
    names none; `authorization`: the client's own goes on, unless it is a signature for AWS."""

    def __init__(self, *, memory_id: str | None, authorization: bool) -> None:
        self._memory_id = memory_id
        self._authorization = authorization

    def for_turn(self, lines: Iterable[bytes], session_id: str) -> list[bytes]:
        """Without framing and Host, which whoever writes the request knows."""
        own = [line for line in lines if _parted(line)[0] not in _FRAMING]
        sent = self.for_websocket(own, session_id)
        if not any(_parted(line)[0] == b"content-type" for line in own):
            sent.append(b"Content-Type: application/json\r\n")
        return sent

    def for_websocket(self, lines: Iterable[bytes], session_id: str) -> list[bytes]:
        """With who asks and which memory is meant under the names that the SDK hands on."""
        kept = [(line, *_parted(line)) for line in lines]
        kept = [each for each in kept if self._goes_on(each[1], each[2])]
        values = {name: value for _, name, value in kept}
        sent = [line for line, _, _ in kept]
        sent.append(_line("Session-Id", session_id))
        if _REQUEST not in values:
            sent.append(_line("Request-Id", str(uuid.uuid4())))
        if _ACTOR not in values and _USER in values:
            sent.append(_line("Custom-Actor-Id", values[_USER].decode("latin-1")))
        if _MEMORY not in values and self._memory_id is not None:
            sent.append(_line("Custom-Memory-Id", self._memory_id))
        return sent

    def _goes_on(self, name: bytes, value: bytes) -> bool:
        if name == b"authorization":
            return self._authorization and not value.startswith(b"AWS4-")
        if name.startswith(_SERVICE_ONLY):
            return name.startswith(_HANDED_ON)
        return name != _SESSION


def session_of(lines: Iterable[bytes]) -> str:
    """Empty: they name none."""
    for line in lines:
        name, value = _parted(line)
        if name == _SESSION:
            return value.decode("latin-1")
    return ""


def from_agent(reply: Reply) -> tuple[tuple[str, str], ...]:
    found = (_parted(line) for line in reply.lines)
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in found
        if name in _PASSED_BACK
    )


def _parted(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


def _line(name: str, value: str) -> bytes:
    return f"{_PREFIX}{name}: {value}\r\n".encode("latin-1")
