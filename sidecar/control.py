"""The worker's end of the socket to the process that started it."""

import asyncio
import socket
from collections.abc import Callable

LISTENING = b"listening\n"
FIGURES = b"figures\n"


class Control:
    """figures: one line of JSON with what this process has counted."""

    def __init__(self, sock: socket.socket, figures: Callable[[], bytes]) -> None:
        self._socket = sock
        self._figures = figures

    def start(self, on_gone: Callable[[], None]) -> None:
        """Say that this worker listens. on_gone: who started it is no more."""
        self._on_gone = on_gone
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._socket.send(LISTENING)

    def _read(self) -> None:
        try:
            asked = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            asked = b""
        if asked:
            self._socket.sendall(self._figures() * asked.count(FIGURES))
        else:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._on_gone()
