"""Who is heard on the admin port, and how a refusal is worded there."""

import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Probes send any Host they like, and learn nothing here that is worth a guard.
_OPEN_TO_ALL = frozenset(("/livez", "/healthz", "/readyz"))


def refusal(status: int, kind: str, message: str) -> web.Response:
    error = {"message": message, "type": kind, "code": status}
    return web.json_response({"error": error}, status=status)


@web.middleware
async def in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What aiohttp refuses by itself, in the form of all our refusals."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = refusal(405, "MethodNotAllowed", f"use {allowed} for {request.path}")
        response.headers["Allow"] = allowed
        return response
    except web.HTTPNotFound:
        return refusal(404, "NotFound", f"{request.path} is not here: GET / lists what is")


@web.middleware
async def from_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page whose own name is made to lead to 127.0.0.1 (DNS rebinding) has that name in Host;
    an address or localhost cannot be such a name."""
    if request.path in _OPEN_TO_ALL or _is_here(request.headers.get("Host", "localhost")):
        return await handler(request)
    return refusal(
        421, "MisdirectedRequest", "call this port by its address, or as localhost, in Host"
    )


def is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address is not None else host.lower() == "localhost"


def _is_here(host: str) -> bool:
    name = host.partition("]")[0].removeprefix("[") if host[:1] == "[" else host.split(":")[0]
    name = name.lower().removesuffix(".")
    return _address(name) is not None or name == "localhost" or name.endswith(".localhost")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
