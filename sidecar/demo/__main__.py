"""`python -m sidecar.demo`: an engine, the sidecar in front of it, and the main job shown."""

import argparse
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

from sidecar.demo.child import Child, DemoFailed
from sidecar.demo.show import WrongAnswer, curl, show


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sidecar.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the show")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            _demo(once)
    except (DemoFailed, WrongAnswer, OSError, HTTPException) as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr, flush=True)
        return 1
    return 0


def _demo(once: bool) -> None:
    data, engine_port, admin = _port(8080), _port(8000), _port(9901)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-demo-")))
        engine = stack.enter_context(_engine(scratch, engine_port))
        engine.wait_ready(engine_port, "/health")
        sidecar = stack.enter_context(_sidecar(scratch, data, engine_port, admin))
        sidecar.wait_ready(data, "/ping")
        print(f"An engine on port {engine_port}, the sidecar in front of it on port {data}.")
        show(data)
        if not once:
            _invite(data, admin)
            _watch(engine, sidecar)


def _engine(scratch: Path, port: int) -> Child:
    return Child("engine", scratch, "sidecar.demo.engine", "--port", str(port))


def _sidecar(scratch: Path, port: int, engine_port: int, admin_port: int) -> Child:
    return Child(
        "sidecar",
        scratch,
        "sidecar",
        "serve",
        SIDECAR_ENGINE_URL=f"http://127.0.0.1:{engine_port}",
        SIDECAR_HOST="127.0.0.1",
        SIDECAR_PORT=str(port),
        SIDECAR_ADMIN_PORT=str(admin_port),
        SIDECAR_SESSIONS_PATH=str(scratch / "sessions"),
        SIDECAR_LAME_DUCK_SECONDS="0",
    )


def _invite(port: int, admin_port: int) -> None:
    print("\nBoth keep running until Ctrl-C. Try:\n")
    print(f"  ID=$({curl(port, {'requestType': 'NEW_SESSION'}, options='-s')} | cut -d' ' -f2)")
    print(f"  {curl(port, {'text': 'hello'}, '$ID')}")
    print(f"  {curl(port, {'text': 'tell me more', 'stream': True}, '$ID', '-N')}")
    print(f"  {curl(port, {'requestType': 'CLOSE'}, '$ID')}")
    print(f"  curl http://127.0.0.1:{admin_port}/metrics", flush=True)


def _watch(*children: Child) -> None:
    while True:
        for child in children:
            child.check()
        time.sleep(0.5)


def _port(preferred: int) -> int:
    """The preferred port, or a free one and a line that says so."""
    with socket.socket() as probe:
        # As the listener itself will do: a port in TIME_WAIT is free, one that listens is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
            return preferred
        except OSError:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            print(f"Port {preferred} is taken; using {port}.", flush=True)
            return port


if __name__ == "__main__":
    sys.exit(main())
