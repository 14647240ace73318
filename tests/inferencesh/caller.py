"""A plain client of the API, for what the SDKs hide."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


class Caller:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def accept(self, given: Any, session: str | None = None, **more: Any) -> dict[str, Any]:
        """The task, not waited for."""
        body = {"app": "my-app", "input": given, "session": session, **more}
        status, answer = await self.ask("POST", "/apps/run", body)
        assert status == 200, answer
        task: dict[str, Any] = answer["data"]
        return task

    async def run(self, given: Any, session: str | None = None, **more: Any) -> dict[str, Any]:
        """The task at its end."""
        task = await self.accept(given, session, **more)
        return (await self.lines(task["id"]))[-1]

    async def lines(self, task_id: str) -> list[dict[str, Any]]:
        async with self.http.get(f"/tasks/{task_id}/stream") as answer:
            assert answer.status == 200, await answer.text()
            return [json.loads(line) for line in (await answer.read()).splitlines()]

    async def task(self, task_id: str) -> dict[str, Any]:
        status, answer = await self.ask("GET", f"/tasks/{task_id}")
        assert status == 200, answer
        task: dict[str, Any] = answer["data"]
        return task

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, path, json=body, headers=named) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None


@asynccontextmanager
async def calling(url: str, key: str = "inf_mine") -> AsyncIterator[Caller]:
    """Each request on a connection of its own: with several workers, on any of them."""
    async with aiohttp.ClientSession(
        url,
        headers={"Authorization": f"Bearer {key}"},
        connector=aiohttp.TCPConnector(force_close=True),
        read_bufsize=2**24,
    ) as http:
        yield Caller(http)
