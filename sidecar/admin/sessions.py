"""Sessions and what is in them over HTTP: for an operator, and for the engine's own code.

Who may ask at all is guard.py's business. What is refused here is an engine that handles one
session and asks for another.
"""

import json
from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiohttp import web

from sidecar.engine.keeper import REPLICA, Keeper
from sidecar.errors import BadRequest, BodyTooLarge, SessionNotFound, SidecarError
from sidecar.headers import SESSION_ID
from sidecar.sessions.session import Session
from sidecar.sessions.store import VALUE_LIMIT, Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = 100
PAGE_LIMIT = 1000
# Nothing here is to stay in a cache or to be taken for a page.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class NotFound(SidecarError):
    status = 404
    kind = "NotFound"


class NotJson(SidecarError):
    status = 415
    kind = "UnsupportedMediaType"


def session_routes(
    store: Store, keeper: Keeper, session_header: str = SESSION_ID
) -> list[web.RouteDef]:
    """`session_header`: the one that tells an engine its session, which it may send along."""
    sessions = _Sessions(store, keeper)

    def guarded(handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                _refuse_other_session(request, session_header)
                return await handler(request)
            except SessionNotFound as error:
                return _refusal(NotFound(error.message))
            except SidecarError as error:
                return _refusal(error)

        return answer

    # Also a line feed, which is no key, but is to be told so.
    key = r"/sessions/{id}/data/{key:[\s\S]+}"
    return [
        web.get("/sessions", guarded(sessions.list)),
        web.get("/sessions/{id}", guarded(sessions.show)),
        web.delete("/sessions/{id}", guarded(sessions.close)),
        web.get("/sessions/{id}/events", guarded(sessions.events)),
        web.get(key, guarded(sessions.get_data)),
        web.put(key, guarded(sessions.put_data)),
        web.delete(key, guarded(sessions.delete_data)),
    ]


class _Sessions:
    def __init__(self, store: Store, keeper: Keeper) -> None:
        self._store = store
        self._keeper = keeper

    async def list(self, request: web.Request) -> web.Response:
        limit = _limit(request.query.get("limit", str(PAGE)))
        page = await self._store.list_sessions(limit, request.query.get("after", ""))
        following = page[-1].id if len(page) == limit else None
        return _json({"sessions": [_shown(each) for each in page], "next": following})

    async def show(self, request: web.Request) -> web.Response:
        session = await self._store.get(request.match_info["id"])
        keys = await self._store.data_keys(session.id)
        return _json({**_shown(session), "state": session.state, "keys": keys})

    async def close(self, request: web.Request) -> web.Response:
        await self._keeper.close(request.match_info["id"])
        return _nothing()

    async def events(self, request: web.Request) -> web.Response:
        return _json({"events": await self._store.events(request.match_info["id"])})

    async def get_data(self, request: web.Request) -> web.Response:
        value = await self._store.get_data(*_address(request))
        if value is None:
            _no_such_key(request)
        return web.Response(body=value, content_type="application/json", headers=_HEADERS)

    async def put_data(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise NotJson("a value is JSON: send it as application/json")
        await self._store.put_data(*_address(request), await _read_json(request))
        return _nothing()

    async def delete_data(self, request: web.Request) -> web.Response:
        if not await self._store.delete_data(*_address(request)):
            _no_such_key(request)
        return _nothing()


def _refuse_other_session(request: web.Request, header: str) -> None:
    """Worded as if the session of the path were not there."""
    session_id = request.match_info.get("id", "")
    if session_id and any(each != session_id for each in request.headers.getall(header, ())):
        raise SessionNotFound(session_id)


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= PAGE_LIMIT:
        return int(text)
    raise BadRequest(f"limit is a number from 1 to {PAGE_LIMIT}")


def _address(request: web.Request) -> tuple[str, str]:
    return request.match_info["id"], request.match_info["key"]


def _no_such_key(request: web.Request) -> NoReturn:
    raise NotFound(f"the session has no key {request.match_info['key']}")


async def _read_json(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async for part in request.content.iter_any():
            body += part
            if len(body) > VALUE_LIMIT:
                raise BodyTooLarge(f"a value may have {VALUE_LIMIT} bytes")
        # Python's parser takes these three; an engine's may not.
        json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError, web.RequestPayloadError):
        raise BadRequest("the value is not JSON in UTF-8") from None
    return bytes(body)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _shown(session: Session) -> dict[str, object]:
    placed = {"replica": session.state[REPLICA]} if REPLICA in session.state else {}
    return {
        "id": session.id,
        "created": session.created,
        "expires": session.expires,
        "owner": session.owner is not None,
        **placed,
    }


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers=_HEADERS)


def _nothing() -> web.Response:
    return web.Response(status=204, headers=_HEADERS)


def _refusal(error: SidecarError) -> web.Response:
    body = {"message": error.message, "type": error.kind, "code": error.status}
    response = _json({"error": body}, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
