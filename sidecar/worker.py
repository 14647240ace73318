"""A worker process: it reads its settings from the socket on stdin and serves the data port."""

import os
import pickle
import socket
import sys

from sidecar.app import serve_as_worker


def main() -> int:
    control = socket.socket(fileno=os.dup(0))
    size = int.from_bytes(_exactly(control, 4), "big")
    # From the process that started this one, and from nobody else.
    return serve_as_worker(pickle.loads(_exactly(control, size)), control)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise SystemExit(1)
        data += piece
    return data


if __name__ == "__main__":
    sys.exit(main())
