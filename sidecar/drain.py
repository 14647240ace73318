"""The order of the end: not ready, lame duck, no new connections, streams end, hard stop."""

import asyncio
import fcntl
import signal
import termios
import time
from contextlib import suppress

from sidecar.life import Life
from sidecar.listening import stop_listening
from sidecar.ops.log import write_event
from sidecar.proxy.connections import Client, Connections
from sidecar.proxy.reset import reset

_LOOK_EVERY = 0.05
# A client that has just connected, or just got an answer that did not announce the end, may be
# about to send. Closing then would lose a request that it cannot send again (RFC 9110 section
# 9.2.2), so such a connection gets this long.
_QUIET_FOR = 0.5
# After the end, at most half a second more: the requests that were cut are logged.
_LAST_LOOKS = 100


class Drain:
    """Asked for by a signal, hurried by a second one."""

    def __init__(self, life: Life, *, lame_duck: float, limit: float) -> None:
        self._life = life
        self._lame_duck = lame_duck
        self._limit = limit
        self._asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.ask)

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def run(self, listener: asyncio.Server, connections: Connections) -> None:
        self.begin()
        deadline = self.began + self._limit
        self._life.draining = True
        write_event("draining")
        quiet = _quiet(connections, {})
        await self._pause(self._lame_duck)
        await stop_listening(listener)
        while not self._is_over(connections, quiet := _quiet(connections, quiet), deadline):
            await self._pause(_LOOK_EVERY)
        write_event("stopped", aborted=await _close_all(connections))

    def ask(self) -> None:
        """Begin, or hurry what has begun."""
        if self._asked.is_set():
            self.hurried.set()
        self.begin()

    def begin(self) -> None:
        """As at the first signal."""
        if not self._asked.is_set():
            self.began = time.monotonic()
            self._asked.set()

    def _is_over(
        self, connections: Connections, quiet: dict[Client, float], deadline: float
    ) -> bool:
        now = time.monotonic()
        if now >= deadline or self.hurried.is_set():
            return True
        if self._life.is_busy():
            return False
        return len(quiet) == len(connections) and all(
            now - since >= _QUIET_FOR for since in quiet.values()
        )

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.hurried.wait()


def _quiet(connections: Connections, before: dict[Client, float]) -> dict[Client, float]:
    """Since when the connections that are idle have been so.

    None of them can have had an answer between two looks: it would have closed the connection.
    """
    now = time.monotonic()
    return {client: before.get(client, now) for client in connections.all() if _is_quiet(client)}


def _is_quiet(client: Client) -> bool:
    """Nothing has come that is not answered, and the answers are in the kernel's hands."""
    transport = client.transport
    if transport is None:
        return client.is_idle
    return (
        client.is_idle
        and not transport.get_write_buffer_size()
        and not _unread(transport.get_extra_info("socket").fileno())
    )


def _unread(descriptor: int) -> int:
    """Bytes that the kernel has and the loop has not seen."""
    if descriptor < 0:
        return 0
    count = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, "little")


async def _close_all(connections: Connections) -> int:
    """Close what is quiet, reset the rest. Returns how many answers were cut."""
    aborted = 0
    for client in connections.all():
        transport = client.transport
        if transport is None:
            continue
        if _is_quiet(client):
            transport.close()
        else:
            aborted += 1
            reset(transport)
    for _ in range(_LAST_LOOKS):
        if not connections:
            break
        await asyncio.sleep(_LOOK_EVERY / 10)
    return aborted
