"""Requests that a dialect answers itself."""

from sidecar.dialects.intent import Answer, ApiRequest, Serve
from sidecar.head import Head
from sidecar.proxy.body import RequestBody
from sidecar.proxy.client import Sent
from sidecar.proxy.outgoing import Outgoing


async def serve(intent: Serve, head: Head, body: RequestBody, outgoing: Outgoing) -> Sent:
    """Raises a SidecarError that is still to be worded for the client."""
    target, _, query = head.target.partition("?")
    whole = await body.read(intent.body_limit, "this call")
    request = ApiRequest(head.method, target, query, _headers(head.lines), head.lines, whole)
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
