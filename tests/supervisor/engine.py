"""An engine that ends as it is told: `python -I -S engine.py PORT [WORD ...]`.

Words, in their order: `load=SECONDS` before it listens; `note=FILE` gets a line per life, one per
signal and one per `POST /close`; `child=FILE` and `daemon=FILE` start a process that holds the port
too, in the group or in a session of its own, and write its id; `mute` never answers a POST; `deaf`
ignores SIGTERM, `slow=SECONDS` takes so long to obey; `exit=CODE` or `kill=NUMBER` ends it, after
`for=SECONDS`.
"""

import os
import signal
import socket
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def main(port: str, *words: str) -> None:
    settings = dict(word.partition("=")[::2] for word in words)
    note(settings, "start")
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda number, frame: obey(settings, number))
    time.sleep(float(settings.get("load", 0)))
    listener = socket.create_server(("127.0.0.1", int(port)))
    for kind in settings.keys() & {"child", "daemon"}:
        multiply(settings[kind], daemon=kind == "daemon")
    until = time.monotonic() + float(settings.get("for", 3600))
    while time.monotonic() < until:
        answer(listener, until, settings)
    if "kill" in settings:
        os.kill(os.getpid(), int(settings["kill"]))
    os._exit(int(settings.get("exit", 0)))


def obey(settings: dict[str, str], number: int) -> None:
    note(settings, signal.Signals(number).name)
    if number == signal.SIGTERM and "deaf" not in settings:
        time.sleep(float(settings.get("slow", 0)))
        note(settings, "obeyed")
        os._exit(0)


def note(settings: dict[str, str], line: str) -> None:
    if "note" in settings:
        with open(settings["note"], "a") as file:
            file.write(f"{line}\n")


def multiply(file: str, daemon: bool) -> None:
    """A grandchild that holds the listener and whose parent is gone; deaf to SIGTERM."""
    if os.fork():
        os.wait()
        return
    if daemon:
        os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(file, "w") as written:
        written.write(str(os.getpid()))
    time.sleep(3600)


def answer(listener: socket.socket, until: float, settings: dict[str, str]) -> None:
    listener.settimeout(max(0.01, until - time.monotonic()))
    try:
        client, _ = listener.accept()
    except TimeoutError:
        return
    client.settimeout(5)
    asked = client.recv(65536)
    if asked.startswith(b"POST /close"):
        note(settings, "closed")
    if asked.startswith(b"POST") and "mute" in settings:
        client.detach()
    else:
        client.sendall(ANSWER)
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
