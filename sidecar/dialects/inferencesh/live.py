"""A task that runs in this process: its news, for whoever reads its stream."""

import asyncio
from contextlib import suppress

from sidecar.dialects.inferencesh.task import Status, Task


class Live:
    def __init__(self, task: Task, owner: str) -> None:
        self.task = task
        self.owner = owner
        self.cause: list[bytes] = []
        """Header lines that say what caused its call, for the engine: its trace and baggage."""
        self.deltas: list[str] = []  # of an answer that comes word by word
        self.runner: asyncio.Task[None] | None = None
        self.is_ending = False  # its work is done, and being kept
        self.is_stopping = False
        """The process ends: that is a failure, and no client's wish."""
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        """Is set with the next change. To be had before one looks, so that none is missed."""
        return self._news

    def tell(self, status: Status | None = None) -> None:
        if status is not None:
            self.task.status = status
        told, self._news = self._news, asyncio.Event()
        told.set()

    def say(self, word: str) -> None:
        self.deltas.append(word)
        self.tell()

    def cancel(self) -> None:
        """Once: a second one would hit what cleans up behind the first."""
        if self.runner is None or self.is_ending:
            return
        if self.task.status < Status.CANCELLING:
            self.tell(Status.CANCELLING)
            self.runner.cancel()

    def end(self, task: Task) -> None:
        """task: as it is now kept."""
        self.task = task
        self.tell()

    def stop(self) -> None:
        self.is_stopping = True
        self.cancel()


async def within(seconds: float, news: asyncio.Event) -> bool:
    """Whether there is any by then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    return news.is_set()
