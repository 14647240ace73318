"""What is looked at in a contender fresh from its start: memory, large bodies, clients that go."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench.contenders import Contender
from bench.events import MANY, open_streams
from bench.extent import MIB, Extent
from bench.figures import Figures
from bench.goals import BASE, DOWN, GONE, IDLE, START, STREAM, UP
from bench.kernel import cpu_ns, forget_peak, peak_kib, settled_rss_kib
from bench.running import BODY, Running, WrongAnswerError
from bench.stage import Stage

IDLE_CONNECTIONS = 2000
LIMIT = 120.0
CPU_DOWN, CPU_UP = "CPU us per MiB down", "CPU us per MiB up"


def measure_one(stage: Stage, contender: Contender, figures: Figures, extent: Extent) -> None:
    """Each part in a new process: what one has freed would hide what the next one takes."""
    # Where a heap ends is chance: one process in five has taken 0.7 KiB more for each stream.
    memory: dict[str, Callable[[Running], None]] = {
        "idle connections": lambda one: _idle(one, figures)
    }
    parts: dict[str, Callable[[Running], None]] = {}
    if contender.is_proxy:
        memory["memory of streams"] = lambda one: _streaming(stage, one, figures)
        parts["clients that go"] = lambda one: _gone(stage, one, figures, extent.clients_gone)
    if contender.is_proxy and contender.forwards_all:
        parts["large bodies"] = lambda one: _bodies(one, figures, extent.bodies)
    for part, look in [*memory.items()] * extent.memory_rounds + [*parts.items()]:
        with stage.or_left_out(f"{contender.name}, {part}"), stage.running(contender) as one:
            look(one)


def _start(one: Running, figures: Figures) -> int:
    """Returns the KiB that it has at rest."""
    base = settled_rss_kib(one.pid)
    figures.add(START, one.contender.name, one.ready_ms)
    figures.add(BASE, one.contender.name, base / 1024)
    return base


def _idle(one: Running, figures: Figures) -> None:
    base = _start(one, figures)
    with ExitStack() as stack:
        for _ in range(IDLE_CONNECTIONS):
            client = stack.enter_context(_connect(one))
            client.sendall(one.request(BODY))
            _read_answer(client)
        more = settled_rss_kib(one.pid) - base
    figures.add(IDLE, one.contender.name, more / IDLE_CONNECTIONS)


def _streaming(stage: Stage, one: Running, figures: Figures) -> None:
    base = _start(one, figures)
    with open_streams(stage, one, MANY) as streams:
        streams.count()
        more = settled_rss_kib(one.pid) - base
    figures.add(STREAM, one.contender.name, more / MANY)


def _gone(stage: Stage, one: Running, figures: Figures, times: int) -> None:
    """A client leaves while the engine has not answered yet; the engine says when it knew."""
    _start(one, figures)
    for _ in range(times):
        client = _connect(one)
        client.sendall(one.request('{"model":"bench","prompt":"hold"}'))
        time.sleep(0.05)  # until the engine has it: nothing is said of that
        left = time.monotonic_ns()
        client.close()
        figures.add(GONE, one.contender.name, (stage.engine_lost(left) - left) / 1e6)


def _bodies(one: Running, figures: Figures, size: int) -> None:
    _start(one, figures)
    for measure, cost, move in ((DOWN, CPU_DOWN, _down), (UP, CPU_UP, _up)):
        with _connect(one) as client:
            move(client, one, MIB)  # what is made once has been made
            forget_peak(one.pid)
            peak, cpu = peak_kib(one.pid), cpu_ns(one.pid)
            move(client, one, size)
            figures.add(measure, one.contender.name, (peak_kib(one.pid) - peak) / 1024)
            used = (cpu_ns(one.pid) - cpu) / 1000
            figures.add(cost, one.contender.name, used / (size / MIB))


def _down(client: socket.socket, one: Running, size: int) -> None:
    client.sendall(one.request(f'{{"model":"bench","prompt":"down {size}"}}'))
    _, rest = _head(client)
    buffer = bytearray(MIB)
    left = size - len(rest)
    while left > 0:
        got = client.recv_into(buffer)
        if not got:
            raise WrongAnswerError(f"{left} bytes of {size} are missing")
        left -= got


def _up(client: socket.socket, one: Running, size: int) -> None:
    client.sendall(one.head(size))
    piece = b"u" * MIB
    for _ in range(size // MIB):
        client.sendall(piece)
    answer = _read_answer(client)
    if f'"received": {size}'.encode() not in answer:
        raise WrongAnswerError(f"of {size} bytes the engine says {answer[:80]!r}")


def _connect(one: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", one.port), timeout=LIMIT)


def _read_answer(client: socket.socket) -> bytes:
    """A short one, framed by its length or in chunks."""
    head, body = _head(client)
    if b"chunked" in head:
        while not body.endswith(b"0\r\n\r\n"):
            body += _some(client)
        return body
    size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += _some(client)
    return body


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """In lower case, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(client)
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise WrongAnswerError(f"{head[:100]!r}")
    return head.lower() + b"\r\n", rest


def _some(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise WrongAnswerError("the connection ended")
    return data
