"""What an agent answers, as it comes: read by the client that asked, and by one that asks again."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from sidecar.errors import SidecarError

# What a client may be behind before the agent is made to wait.
_LAG: Final = 1 << 20
# What is kept for somebody who asks again; of a longer answer the beginning is dropped.
_KEPT: Final = 16 << 20


class Interrupted(SidecarError):
    """The turn cannot be answered, and must not run again: 424 is not retried."""

    status = 424
    kind = "RuntimeClientError"


@dataclass(frozen=True, slots=True)
class Start:
    """The head of an answer."""

    status: int
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


class Record:
    """One answer, from its first byte on; written by one task, read by any number of readers."""

    def __init__(self) -> None:
        self.start: Start | None = None
        self.error: SidecarError | None = None
        self.finished = False
        self.pieces: list[bytes] = []
        self.size = 0
        self._dropped = 0  # pieces at the beginning that are not kept
        self._readers: dict[object, int] = {}  # and how many pieces each has read
        self._news = asyncio.Event()

    # the writer's side

    def begin(self, start: Start) -> None:
        self.start = start
        self._tell()

    async def add(self, piece: bytes) -> None:
        """Waits while those who read are far behind, and while nobody reads much."""
        self.pieces.append(piece)
        self.size += len(piece)
        self._tell()
        while self._is_ahead():
            await self._wait()
        self._trim()

    def finish(self, error: SidecarError | None = None) -> None:
        if not self.finished:
            self.finished, self.error = True, error
            self._tell()

    def repeat(self, start: Start, body: bytes) -> None:
        """An answer that was given before."""
        self.pieces, self.size = [body] if body else [], len(body)
        self.begin(start)

    @property
    def is_kept(self) -> bool:
        """Nothing of it has been dropped."""
        return not self._dropped

    @property
    def kept(self) -> int:
        """Bytes in memory."""
        return sum(map(len, self.pieces))

    # the readers' side

    @property
    def has_readers(self) -> bool:
        return bool(self._readers)

    def enter(self) -> object:
        """Somebody waits for the answer from now on, until `leave`. Raises Interrupted."""
        if self._dropped:
            raise Interrupted("this turn was answered before, with too much to be repeated")
        reader = object()
        self._readers[reader] = 0
        return reader

    def leave(self, reader: object) -> None:
        self._readers.pop(reader, None)
        self._tell()

    async def head(self) -> Start:
        """Raises the error that the turn ended with."""
        while self.start is None and not self.finished:
            await self._wait()
        if self.start is None:
            raise self.error or Interrupted("the turn has ended without an answer")
        return self.start

    async def read(self, reader: object) -> AsyncGenerator[bytes, None]:
        """From the beginning to the end, as it comes. Raises what it broke off with."""
        try:
            while True:
                position = self._readers[reader]
                if position < len(self.pieces):
                    self._readers[reader] = position + 1
                    yield self.pieces[position]
                    self._tell()
                elif self.finished:
                    break
                else:
                    await self._wait()
        finally:
            self.leave(reader)
        if self.error is not None:
            raise self.error

    def _is_ahead(self) -> bool:
        if not self._readers:
            return self.size > _KEPT
        slowest = min(self._readers.values())
        return sum(map(len, self.pieces[slowest:])) > _LAG

    def _trim(self) -> None:
        """What all have read of an answer that is too long to be kept."""
        if self.size <= _KEPT:
            return
        done = min(self._readers.values(), default=0)
        for position in range(self._dropped, done):
            self.pieces[position] = b""
        self._dropped = max(self._dropped, done)

    def _tell(self) -> None:
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()
