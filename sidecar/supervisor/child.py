"""One life of the engine, as the sidecar's event loop sees it: a guard at the end of a socket."""

import asyncio
import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
# -I and -S: neither the engine's PYTHONPATH nor any installed package has a say in the guard.
_PYTHON = (sys.executable, "-I", "-S", str(GUARD))

# What a shell answers for a command that it cannot start.
NOT_FOUND, NOT_EXECUTABLE = 127, 126


class CannotStart(Exception):
    def __init__(self, program: str, reason: str, exit_code: int) -> None:
        super().__init__(f"the engine's command cannot be started: {program}: {reason}")
        self.exit_code = exit_code


class Child:
    """State: the guard's process and socket, and the process id of the engine's first process."""

    def __init__(self, command: tuple[str, ...], grace: float) -> None:
        self._command = command
        self._grace = grace
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pid = 0

    async def start(self) -> None:
        """Raises CannotStart."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._guard = await asyncio.create_subprocess_exec(
                *_PYTHON,
                str(self._grace),
                *self._command,
                stdin=theirs.fileno(),
                start_new_session=True,
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        word, value = await _line(reader)
        if word != "started":
            await self._left()
            raise self._fault(value)
        self.pid = value
        self._listening = asyncio.create_task(self._listen(reader))

    async def ended(self) -> int:
        """How the engine's first process ended: its exit code, or a signal as a negative number."""
        return await asyncio.shield(self._ended)

    async def cleared(self) -> None:
        """Nothing is left of it."""
        await self._listening
        await self._left()

    def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL to all that is left after so long; a second call can hasten it."""
        self._say(f"stop {max(0.0, seconds)}")

    def signal(self, number: int) -> None:
        self._say(f"signal {number}")

    def _fault(self, number: int) -> CannotStart:
        program = self._command[0]
        if not number:
            return CannotStart(program, "the guard of its process ended", NOT_EXECUTABLE)
        missing = number in (errno.ENOENT, errno.ENOTDIR)
        code = NOT_FOUND if missing else NOT_EXECUTABLE
        return CannotStart(program, os.strerror(number), code)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        word, value = await _line(reader)
        if word == "ended":
            self._ended.set_result(value)
            await _line(reader)
        else:  # somebody has killed the guard, and the kernel the engine's first process
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            self._ended.set_result(-signal.SIGKILL)

    async def _left(self) -> None:
        self._writer.close()
        await self._guard.wait()

    def _say(self, line: str) -> None:
        if not self._writer.is_closing():
            self._writer.write(line.encode() + b"\n")


async def _line(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Word and number; an empty word at the end."""
    with suppress(OSError):
        word, _, value = (await reader.readline()).decode().partition(" ")
        if word:
            return word, int(value)
    return "", 0
