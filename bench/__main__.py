"""CPU per request of the sidecar and its peers, in one run, as ratios.

    python -m bench [--short] [--write]

Contenders take turns (A B C A B C), each pinned to one core, with load (wrk) and engine on the
other. A ratio is a peer's CPU per request over the sidecar's in the same round; the median of the
rounds is printed. Nothing fails on a figure; a wrong answer ends the run.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.contenders import CONTENDERS, EXPRESS, Contender, start
from bench.figures import cpu_ns, rss_kib
from bench.tables import report

PROXY_CORE, LOAD_CORE = 0, 1
BODY = json.dumps({"prompt": "x" * 286})
IDLE = 500

SCRIPT = """
wrk.method = "POST"
wrk.body = '@BODY@'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Amzn-SageMaker-Session-Id"] = "@SESSION@"
"""
VARYING = """
local number = 0
function request()
  number = number + 1
  wrk.headers["X-Request-Id"] = tostring(number)
  return wrk.format()
end
"""


@dataclass
class Running:
    contender: Contender
    port: int
    process: subprocess.Popen[bytes]
    ready_ms: float
    session: str = ""
    base_kib: int = 0
    idle_kib: float = 0.0
    cpu_us: dict[str, list[float]] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--write", action="store_true", help="into bench/RESULTS.md")
    options = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        text = measure(stack, scratch, short=options.short)
    print(text)
    if options.write:
        Path(__file__).with_name("RESULTS.md").write_text(text)
    return 0


def measure(stack: ExitStack, scratch: Path, *, short: bool) -> str:
    engine = free_port()
    subprocess.run(
        ["gcc", "-O2", "-o", scratch / "backend", Path(__file__).with_name("backend.c")], check=True
    )
    run(stack, ["taskset", "-c", str(LOAD_CORE), scratch / "backend", str(engine)])
    wait_for(engine)
    missing = {one.name: one.missing for one in CONTENDERS if one.missing}
    running = [launch(stack, one, engine, scratch) for one in CONTENDERS if one.name not in missing]
    rounds, seconds = (2, 1) if short else (5, 3)
    loads = [("c=1", 1, ""), ("c=32", 32, ""), ("c=256", 256, ""), ("c=32, new heads", 32, VARYING)]
    for _ in range(rounds):
        for name, clients, script in loads:
            for one in running:
                cost = cpu_per_request(one, clients, seconds, script, scratch)
                one.cpu_us.setdefault(name, []).append(cost)
    return report(running, EXPRESS.name, [name for name, _, _ in loads], missing, rounds, seconds)


def launch(stack: ExitStack, contender: Contender, engine: int, scratch: Path) -> Running:
    port = free_port()
    began = time.perf_counter()
    process = start(contender, port, engine, scratch, PROXY_CORE)
    stack.callback(end, process)
    try:
        wait_for(port)
    except SystemExit:
        print((scratch / f"{port}.log").read_text(), file=sys.stderr)
        raise
    one = Running(contender, port, process, (time.perf_counter() - began) * 1000)
    time.sleep(1)
    one.base_kib = rss_kib(process.pid)
    with ExitStack() as connections:
        for _ in range(IDLE):
            connections.enter_context(socket.create_connection(("127.0.0.1", port)))
        time.sleep(0.5)
        one.idle_kib = (rss_kib(process.pid) - one.base_kib) / IDLE
    one.session = open_session(port) if contender.has_sessions else "a-session"
    check(one)
    return one


def open_session(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        data=b'{"requestType": "NEW_SESSION"}',
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["X-Amzn-SageMaker-New-Session-Id"]).partition(";")[0]


def check(one: Running) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{one.port}/invocations",
        data=BODY.encode(),
        headers={
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-Session-Id": one.session,
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        if answer.status != 200 or len(answer.read()) != 200:
            raise SystemExit(f"{one.contender.name} answers wrongly")


def cpu_per_request(one: Running, clients: int, seconds: int, script: str, scratch: Path) -> float:
    """Microseconds."""
    file = scratch / "load.lua"
    file.write_text(SCRIPT.replace("@BODY@", BODY).replace("@SESSION@", one.session) + script)
    url = f"http://127.0.0.1:{one.port}/invocations"
    load = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(file), url]
    before = cpu_ns(one.process.pid)
    said = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *load], capture_output=True, text=True, check=True
    ).stdout
    used = cpu_ns(one.process.pid) - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{one.contender.name} answers wrongly under load:\n{said}")
    [line] = [line for line in said.splitlines() if "requests in" in line]
    return used / 1000 / int(line.split()[0])


def run(stack: ExitStack, command: list[str | Path]) -> None:
    stack.callback(end, subprocess.Popen(command))


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"nothing listens on {port}")


if __name__ == "__main__":
    sys.exit(main())
