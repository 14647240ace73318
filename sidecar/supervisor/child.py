"""One life of the engine, as the sidecar's event loop sees it: a guard at the end of a socket."""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from sidecar.config.sources import PREFIX

logger = logging.getLogger("sidecar.supervisor")

GUARD = Path(__file__).with_name("guard.py")
# -I and -S: neither the engine's PYTHONPATH nor any installed package has a say in the guard.
_PYTHON = (sys.executable, "-I", "-S", str(GUARD))

# What a shell answers for a command that it cannot start.
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_MISSING = (errno.ENOENT, errno.ENOTDIR)
_WRONG = (errno.EACCES, errno.ENOEXEC, errno.EISDIR)


class CannotStart(Exception):
    """is_final: it is the command's fault. Else it may be a shortage, of memory or descriptors."""

    def __init__(self, program: str, reason: str, number: int = 0) -> None:
        super().__init__(f"the engine's command cannot be started: {program}: {reason}")
        self.exit_code = NOT_FOUND if number in _MISSING else NOT_EXECUTABLE
        self.is_final = number in (*_MISSING, *_WRONG)


class Child:
    """State: the guard's process and socket, and the process id of the engine's first process."""

    def __init__(self, command: tuple[str, ...], grace: float) -> None:
        self._command = command
        self._grace = grace
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pid = 0

    async def start(self) -> None:
        """Raises CannotStart."""
        try:
            reader = await self._start_guard()
        except OSError as error:
            raise CannotStart(self._command[0], str(error)) from error
        word, value = await _line(reader)
        if word != "started":
            await self._left()
            reason = os.strerror(value) if word else "its guard has ended"
            raise CannotStart(self._command[0], reason, value)
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

    async def _start_guard(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._guard = await asyncio.create_subprocess_exec(
                    *_PYTHON,
                    str(self._grace),
                    *self._command,
                    stdin=theirs.fileno(),
                    env=_environment(),
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        reader, self._writer = await asyncio.open_connection(sock=ours)
        return reader

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        word, value = await _line(reader)
        if word == "ended":
            self._ended.set_result(value)
            word, left = await _line(reader)
            if word:
                logger.error("%d processes of the engine cannot be ended", left)
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


def _environment() -> dict[str, str]:
    """Ours, without our own settings: some are secrets, and the engine may be a sidecar too."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


async def _line(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Word and number; an empty word at the end."""
    with suppress(OSError):
        word, _, value = (await reader.readline()).decode().partition(" ")
        if word:
            return word, int(value)
    return "", 0
