"""The reverse proxy that one writes first: web.Application in front, ClientSession behind."""

import sys
from collections.abc import AsyncIterator

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
ENGINE = web.AppKey("engine", ClientSession)


async def forward(request: web.Request) -> web.StreamResponse:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
    headers["X-Session"] = request.headers.get("X-Amzn-SageMaker-Session-Id", "")
    async with request.app[ENGINE].request(
        request.method, request.rel_url, headers=headers, data=await request.read()
    ) as reply:
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in HOP}
        answer = web.StreamResponse(status=reply.status, headers=kept)
        answer.content_length = reply.content_length
        await answer.prepare(request)
        async for piece in reply.content.iter_any():
            await answer.write(piece)
        return answer


async def make(port: str) -> web.Application:
    async def engine(app: web.Application) -> AsyncIterator[None]:
        connector = TCPConnector(limit=0)
        async with ClientSession(
            f"http://127.0.0.1:{port}", connector=connector, timeout=ClientTimeout(None)
        ) as app[ENGINE]:
            yield

    app = web.Application(client_max_size=2**32)
    app.cleanup_ctx.append(engine)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


if __name__ == "__main__":
    uvloop.install()
    web.run_app(make(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None)
