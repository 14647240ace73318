"""The admin page: three files of our own, nothing from elsewhere, run under a strict policy."""

import secrets
from importlib.resources import files

from aiohttp import web

_FILES = (("page.js", "text/javascript"), ("plot.js", "text/javascript"), ("page.css", "text/css"))
# The nonce is new with each answer, so that nothing else that this port tells can be run as a
# script or a style (CSP Level 3). Trusted types: no text ever becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_FRESH = {"Cache-Control": "no-cache"}


def page_routes(way: str, index: str) -> list[web.RouteDef]:
    """way: free, token or shut: what the page must do to be heard.

    index: for who asks for the page without a browser.
    """
    html = _read("index.html").replace("{way}", way)

    async def page(request: web.Request) -> web.Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(text=index, headers={"Vary": "Accept"})
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Vary": "Accept"}
        text = html.replace("{nonce}", nonce)
        return web.Response(text=text, content_type="text/html", headers=_FRESH | policy)

    return [web.get("/", page), *(_file(name, kind) for name, kind in _FILES)]


def _file(name: str, content_type: str) -> web.RouteDef:
    text = _read(name)

    async def give(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=_FRESH)

    return web.get(f"/{name}", give)


def _read(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")
