"""Lines on their way to a descriptor: a reader that is slow, or stuck, delays nobody here."""

import atexit
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator

BACKLOG = 8 * 1024 * 1024
# Lines wait this long for others: one write for many, and still at once for who watches.
_TOGETHER = 0.05
_BATCH = 1000
# At the end of the process, for a reader that is slow; one that is gone shall not hold us.
_LAST_WAIT = 2.0


class Lines:
    """A line is appended by any thread and written by one thread of our own, in order.

    dropped: for want of room, or because the descriptor failed. Once there is room again,
    `on_dropped` words what became of them, and that is a line too.
    """

    def __init__(
        self, descriptor: int, on_dropped: Callable[[int], str], *, backlog: int = BACKLOG
    ) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._on_dropped = on_dropped
        self._backlog = backlog
        self._waiting: list[str] = []  # append and slices are atomic, so it has no lock
        self._taken_in = 0  # characters, by the loop's thread nearly always
        self._put_out = 0  # by our own thread
        self._told = 0  # of those dropped
        self._torn = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, line: str) -> None:
        """The line ends with its line feed."""
        if self._taken_in - self._put_out > self._backlog:
            self.dropped += 1
            return
        self._taken_in += len(line)
        self._waiting.append(line)
        if not self._wake.is_set():
            if self._thread is None and not self._start():
                return
            self._wake.set()

    def close(self) -> None:
        """Write what is left, if the reader lets us. What is added later is lost."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_LAST_WAIT)

    def _start(self) -> bool:
        """False at the very end of the process: who starts a thread then waits for it for ever
        (CPython 3.11), so what there is to say is said at once, if there is room for it."""
        if sys.is_finalizing():
            if select.select((), (self._descriptor,), (), 0)[1]:
                self._write_all()
            return False
        with self._starting:
            if self._thread is None:
                # A daemon: at exit it may be held in a write for ever.
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        return True

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_TOGETHER)
            self._wake.clear()
            self._write_all()
        self._write_all()  # what came between the last look and the word that it was the last

    def _write_all(self) -> None:
        while self._waiting:
            self._write_some()

    def _write_some(self) -> None:
        batch = self._waiting[:_BATCH]
        del self._waiting[:_BATCH]
        for piece, count in _pieces(batch):
            if not self._write(piece):
                self.dropped += count
        self._put_out += sum(map(len, batch))
        if self.dropped > self._told and not self._waiting:
            self._tell(self.dropped)

    def _tell(self, dropped: int) -> None:
        if self._write(_encoded(self._on_dropped(dropped - self._told))):
            self._told = dropped

    def _write(self, data: bytes) -> bool:
        view = memoryview(b"\n" + data if self._torn else data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # a pipe that somebody else made non-blocking
                select.select((), (self._descriptor,), ())
            except OSError:  # nobody reads any more, or the disk is full
                self._torn = True
                return False
        self._torn = False
        return True


def _pieces(lines: list[str]) -> Iterator[tuple[bytes, int]]:
    """Whole lines, and their number, that no other process on the pipe can write into: pipe(7)
    keeps PIPE_BUF bytes together. Only a longer line, alone in its piece, has no such promise. A
    uvloop server that logs 68,000 lines a second, on one core with its client and the reader,
    drops none by it."""
    piece, count = b"", 0
    for line in map(_encoded, lines):
        if piece and len(piece) + len(line) > select.PIPE_BUF:
            yield piece, count
            piece, count = b"", 0
        piece, count = piece + line, count + 1
    yield piece, count


def _encoded(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace")
