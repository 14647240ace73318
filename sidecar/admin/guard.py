"""Who is heard on the admin port, and how a refusal is worded there."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Middleware

from sidecar.config.token import Token

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Probes send any Host they like, and learn nothing here that is worth a guard.
_OPEN_TO_ALL = frozenset(("/livez", "/healthz", "/readyz"))
# Figures hold no id; the page's own files hold nothing, and a browser that fetches them has no way
# to send a token yet.
_NEED_NO_TOKEN = _OPEN_TO_ALL | {"/metrics", "/", "/page.js", "/plot.js", "/page.css"}
_SEALED = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def way_in(host: str, token: Token | None) -> Literal["free", "token", "shut"]:
    """To what is neither health nor metrics. host: the address that is listened on."""
    if token is not None:
        return "token"
    return "free" if is_loopback(host) else "shut"


def guards(host: str, token: Token | None) -> list[Middleware]:
    """What stands before every route."""
    heard: list[Middleware] = [in_json]
    if is_loopback(host):
        heard.append(from_this_machine)
    if token is not None:
        heard.append(_who_knows(token))
    elif way_in(host, token) == "shut":
        heard.append(_nobody_unasked)
    return [*heard, from_our_own_page]


def refusal(status: int, kind: str, message: str) -> web.Response:
    error = {"message": message, "type": kind, "code": status}
    return web.json_response({"error": error}, status=status)


async def seal(request: web.Request, response: web.StreamResponse) -> None:
    """No answer is to be run, framed or guessed at by a browser, unless it says so itself."""
    for name, value in _SEALED.items():
        response.headers.setdefault(name, value)


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


@web.middleware
async def from_our_own_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Browsers say where a change comes from (W3C Fetch Metadata; RFC 6454); others do not."""
    if request.method in ("GET", "HEAD") or _is_our_own(request):
        return await handler(request)
    return refusal(403, "Forbidden", "changes are not taken from a page of another site")


def _who_knows(token: Token) -> Middleware:
    @web.middleware
    async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _NEED_NO_TOKEN or _shows(request, token.secret):
            return await handler(request)
        response = refusal(401, "Unauthorized", "send the admin token: Authorization: Bearer ...")
        response.headers["WWW-Authenticate"] = 'Bearer realm="session-sidecar"'
        return response

    return ask


@web.middleware
async def _nobody_unasked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Other machines reach this port, and session ids are keys: without a token no one has them."""
    if request.path in _NEED_NO_TOKEN:
        return await handler(request)
    return refusal(
        403,
        "Forbidden",
        "this port is open to other machines: it needs SIDECAR_ADMIN_TOKEN_FILE for anything but "
        "health and metrics",
    )


def _shows(request: web.Request, secret: bytes) -> bool:
    """In a time that says nothing of how much of it was right."""
    shown = request.headers.getall("Authorization", [])
    if len(shown) != 1:
        return False
    scheme, _, value = shown[0].partition(" ")
    right = hmac.compare_digest(value.strip().encode("utf-8", "surrogateescape"), secret)
    return scheme.lower() == "bearer" and right


def _is_our_own(request: web.Request) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    host = request.headers.get("Host", "").lower()
    is_same = origin is None or origin.lower() in (f"http://{host}", f"https://{host}")
    return site in (None, "same-origin", "none") and is_same


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
