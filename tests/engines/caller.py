"""A client of the sidecar or of an engine itself: the same calls to both, so answers compare."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from multidict import CIMultiDictProxy

SESSION_ID = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_ID = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_ID = "X-Amzn-SageMaker-Closed-Session-Id"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Caller:
    """`async with Caller(url) as caller:`; bodies come back as they were sent, not decompressed."""

    def __init__(self, url: str) -> None:
        self.http = aiohttp.ClientSession(
            url,
            auto_decompress=False,
            # llama.cpp ends a kept connection behind a stream without a word.
            connector=aiohttp.TCPConnector(force_close=True),
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(total=30),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def get(self, path: str) -> bytes:
        async with self.http.get(path) as response:
            return await response.read()

    async def post(self, path: str, session_id: str | None = None, **request: Any) -> Answer:
        headers = dict(request.pop("headers", {}))
        if session_id is not None:
            headers[SESSION_ID] = session_id
        async with self.http.post(path, headers=headers, **request) as response:
            return Answer(response.status, response.headers, await response.read())

    async def open(self) -> str:
        """A new session's id, once the answer is known to be what SageMaker expects."""
        answer = await self.post("/invocations", json={"requestType": "NEW_SESSION"})
        session_id, _, expires = answer.headers[NEW_SESSION_ID].partition("; Expires=")
        assert expires
        assert (answer.status, answer.body.decode()) == (200, f"Session {session_id} created")
        return session_id

    async def close(self, session_id: str) -> None:
        answer = await self.post("/invocations", session_id, json={"requestType": "CLOSE"})
        assert (answer.status, answer.body.decode()) == (200, f"Session {session_id} closed")
        assert answer.headers[CLOSED_SESSION_ID] == session_id
