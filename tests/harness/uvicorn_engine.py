"""A real uvicorn in a thread of its own, with an application that counts deliveries."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Self

import uvicorn

Message = MutableMapping[str, Any]


class UvicornEngine:
    """`deliveries` counts the bodies of POST requests by their text."""

    def __init__(self, keep_alive: int = 5) -> None:
        self.deliveries: Counter[str] = Counter()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application,
                timeout_keep_alive=keep_alive,
                interface="asgi3",
                lifespan="off",
                log_level="critical",
                access_log=False,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        await asyncio.to_thread(self._thread.join, 20)
        self._socket.close()

    async def _application(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["method"] == "POST":
            self.deliveries[body.decode()] += 1
        size = b"%d" % len(body)
        start = {"type": "http.response.start", "status": 200}
        await send(start | {"headers": [(b"content-length", size)]})
        await send({"type": "http.response.body", "body": body})
