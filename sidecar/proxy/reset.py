"""The end that nobody can take for the end of an answer."""

import asyncio
import socket
import struct


def reset(transport: asyncio.Transport) -> None:
    """End with a reset: a client that reads until the end must not take this for the end.

    Linger 0 is needed: uvloop's abort alone sends an ordinary FIN.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
