"""A WebSocket engine: the `websockets` library, and the handshakes it saw."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

Talk = Callable[[ServerConnection], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


class WebSocketEngine:
    """`talks` says by path what happens once connected; other paths echo."""

    def __init__(self, *subprotocols: str) -> None:
        self.requests: list[Request] = []
        self.connections: list[ServerConnection] = []
        self.talks: dict[str, Talk] = {}
        self._subprotocols = subprotocols

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server: Server = await serve(
            self._talk,
            "127.0.0.1",
            0,
            process_request=self._look,
            process_response=self._mark,
            max_size=None,
            ping_interval=None,
            select_subprotocol=self._choose,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _look(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/ping":
            return connection.respond(HTTPStatus.OK, "")
        self.requests.append(request)
        if request.path == "/refused":
            return connection.respond(HTTPStatus.FORBIDDEN, "not for you")
        return None

    def _choose(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        return next((Subprotocol(one) for one in self._subprotocols if one in offered), None)

    def _mark(self, connection: ServerConnection, request: Request, response: Response) -> None:
        response.headers["X-Engine"] = "websockets"

    async def _talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.connections.append(connection)
        path = connection.request.path.partition("?")[0]
        with contextlib.suppress(ConnectionClosed):  # the tests look at connection.close_code
            await self.talks.get(path, echo)(connection)
