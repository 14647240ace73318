"""How long what a client sends may be: by botocore's service model, or as its tools need it."""

from collections.abc import Mapping
from typing import Final

from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.fields import Rule

# botocore's service model has 33 to 256; tools that talk to an agent directly send shorter ones.
_STRICT: Final = Rule(33, 256)
_LENIENT: Final = Rule(1, 256)
# The members that InvokeAgentRuntime has in headers.
_MEMBERS: Final[Mapping[str, tuple[str, Rule]]] = {
    "content-type": ("contentType", Rule(1, 256)),
    "accept": ("accept", Rule(1, 256)),
    "x-amzn-bedrock-agentcore-runtime-user-id": ("runtimeUserId", Rule(1, 1024)),
    "mcp-session-id": ("mcpSessionId", Rule(1, 1024)),
    "mcp-protocol-version": ("mcpProtocolVersion", Rule(1, 1024)),
    "mcp-method": ("mcpMethod", Rule(1, 1024)),
    "mcp-name": ("mcpName", Rule(1, 1024)),
    "x-amzn-trace-id": ("traceId", Rule(0, 128)),
    "traceparent": ("traceParent", Rule(0, 128)),
    "tracestate": ("traceState", Rule(0, 512)),
}
_CUSTOM: Final = "x-amzn-bedrock-agentcore-runtime-custom-"
# AWS's guide to custom headers of a runtime: so many, and so many bytes each.
_CUSTOM_COUNT: Final = 20
_CUSTOM_SIZE: Final = Rule(0, 4096)


def check_session(session_id: str, *, strict: bool) -> None:
    """Raises ValidationFailed. It goes into a header line, wherever it has come from."""
    broken = (_STRICT if strict else _LENIENT).broken_by(session_id)
    if broken is None and not is_header_text(session_id):
        broken = "Member must be printable ASCII"
    if broken is not None:
        raise _refusal("runtimeSessionId", broken)


def is_header_text(text: str) -> bool:
    """RFC 9110 section 5.5: without control characters, and no blanks at its ends."""
    return text.isascii() and text.isprintable() and text == text.strip()


def token(*, strict: bool) -> Rule:
    """Of StopRuntimeSession's clientToken."""
    return Rule(33, 256, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}") if strict else _LENIENT


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises ValidationFailed for what Amazon's service would not take."""
    for name, (member, rule) in _MEMBERS.items():
        if name in headers and (broken := rule.broken_by(headers[name])):
            raise _refusal(member, broken)
    custom = [name for name in headers if name.startswith(_CUSTOM)]
    if len(custom) > _CUSTOM_COUNT:
        raise _refusal("headers", f"at most {_CUSTOM_COUNT} custom headers are passed on")
    for name in custom:
        if broken := _CUSTOM_SIZE.broken_by(headers[name]):
            raise _refusal(name, broken)


def _refusal(member: str, broken: str) -> ValidationFailed:
    return ValidationFailed(f"{member}: {broken}", fields=((member, broken),))
