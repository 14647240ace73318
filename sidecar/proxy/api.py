"""Requests that a dialect answers itself."""

from typing import TYPE_CHECKING

from sidecar.dialects.intent import Answer, ApiRequest, Serve
from sidecar.head import Head
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import Sent
from sidecar.proxy.outgoing import Outgoing
from sidecar.proxy.wire import untraced

if TYPE_CHECKING:
    from sidecar.ops.spans import Spans


async def serve(
    intent: Serve, head: Head, body: RequestBody, outgoing: Outgoing, spans: "Spans | None"
) -> Sent:
    """Raises a SidecarError that is still to be worded for the client."""
    target, _, query = head.target.partition("?")
    whole = await body.read(intent.body_limit, "this call")
    lines = head.lines
    if spans is not None:
        lines = untraced(lines) + spans.within(outgoing.turn)
    request = ApiRequest(head.method, target, query, _headers(head.lines), lines, whole)
    answer = await intent.call(request)
    if isinstance(answer, Answer):
        return await outgoing.say(answer)
    return await outgoing.stream(answer)


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        key, value = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
