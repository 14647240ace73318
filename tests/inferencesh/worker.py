"""A warm worker as the documents think of one: what it is told stays in it, by session.

An input may ask for more: that it `sleep`s, answers with `size` bytes, with a `status` or as
another `content_type`, breaks off with no answer (`drop`), or speaks in `words`.
"""

import asyncio
import json
from collections import defaultdict
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

HEADER = "X-Amzn-SageMaker-Session-Id"


class Worker:
    """inputs: in the order of their arrival. busiest: most calls at once, of one session."""

    def __init__(self, name: str = "worker") -> None:
        self.name = name
        self.inputs: list[Any] = []
        self.paths: list[str] = []
        self.sessions: dict[str | None, list[Any]] = defaultdict(list)
        self.busiest = 0
        self.at_once = 0  # of all sessions together, the most
        self.cut = 0  # calls that ended before their answer
        self.last = {"type": "", "authorization": ""}
        self._busy: dict[str | None, int] = defaultdict(int)
        application = web.Application(
            client_max_size=2**26, handler_args={"handler_cancellation": True}
        )
        application.router.add_get("/ping", _pong)
        application.router.add_post("/{path:.*}", self._answer)
        self.server = TestServer(application)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def __aenter__(self) -> Self:
        await self.server.start_server()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.server.close()

    async def crash(self) -> None:
        """As a process that is killed: nobody listens, what was being answered breaks off."""
        runner = self.server.runner
        assert runner is not None and runner.server is not None
        for site in [*runner.sites]:
            await site.stop()
        for connection in [*runner.server.connections]:
            if connection.transport is not None:
                connection.transport.abort()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        given = json.loads(await request.read())
        session = request.headers.get(HEADER)
        self.inputs.append(given)
        self.paths.append(request.path)
        self.last = {
            "type": request.headers.get("Content-Type", ""),
            "authorization": request.headers.get("Authorization", ""),
        }
        self._busy[session] += 1
        self.busiest = max(self.busiest, self._busy[session])
        self.at_once = max(self.at_once, sum(self._busy.values()))
        try:
            return await self._do(request, given if isinstance(given, dict) else {}, session)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self._busy[session] -= 1

    async def _do(
        self, request: web.Request, given: dict[str, Any], session: str | None
    ) -> web.StreamResponse:
        await asyncio.sleep(given.get("sleep", 0))
        if given.get("drop"):
            assert request.transport is not None
            request.transport.abort()
        if "status" in given:
            return web.Response(status=given["status"], text=given.get("text", "no"))
        if "size" in given:
            return web.json_response({"bytes": "x" * given["size"]})
        if "content_type" in given:
            return web.Response(body=given["body"].encode(), content_type=given["content_type"])
        if "words" in given or "messages" in given:
            return await self._speak(request, given)
        before = [*self.sessions[session]]
        self.sessions[session].append(given)
        said = {"response": f"about {given['message']}"} if "message" in given else {}
        return web.json_response({"worker": self.name, "given": given, "before": before, **said})

    async def _speak(self, request: web.Request, given: dict[str, Any]) -> web.StreamResponse:
        """As an engine for chats does."""
        words = given.get("words", ["I", " know", f" {len(given.get('messages', []))}"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in words:
            chunk = {"choices": [{"index": 0, "delta": {"content": word}}]}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            await asyncio.sleep(0.02)
        await response.write(b"data: [DONE]\n\n")
        return response


async def _pong(_: web.Request) -> web.Response:
    return web.Response()
