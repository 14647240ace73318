"""CPU per request and added latency: short requests by wrk, contenders in turn."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Figures
from bench.goals import ADDED, NEW_HEADS, cpu
from bench.kernel import cpu_ns, user_and_kernel_ticks
from bench.running import BODY, Running, WrongAnswerError
from bench.stage import Stage

SECONDS = 1
KERNEL = "kernel's part of the CPU, c=32"
SCRIPT = """
wrk.method = "POST"
wrk.body = '@BODY@'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Amzn-SageMaker-Session-Id"] = "@SESSION@"
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format('\\n{"requests": %d, "failed": %d, "p50": %d}\\n', summary.requests,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout,
    latency:percentile(50)))
end
"""
# As clients do: each request has an id of its own, and another length than the one before.
VARYING = """
local number, body = 0, wrk.body
function request()
  number = number + 1
  wrk.headers["X-Request-Id"] = tostring(number)
  wrk.body = body .. string.rep(" ", number % 200)
  return wrk.format()
end
"""


@dataclass(frozen=True)
class Load:
    measure: str
    clients: int
    script: str = ""


LOADS = (
    Load(cpu(1), 1),
    Load(cpu(32), 32),
    Load(cpu(256), 256),
    Load(NEW_HEADS, 32, VARYING),
)


@dataclass(frozen=True)
class Said:
    """What wrk says; p50 in microseconds."""

    requests: int
    failed: int
    p50: int


def measure_requests(
    stage: Stage, running: Sequence[Running], figures: Figures, rounds: int
) -> None:
    for _ in range(rounds):
        for load in LOADS:
            alone = drive(stage, load, stage.engine_port, "/", "").p50 if load.clients == 1 else 0
            for one in stage.still_in(running):
                with stage.or_left_out(one.contender.name):
                    _measure(stage, load, one, figures, alone)


def _measure(stage: Stage, load: Load, one: Running, figures: Figures, alone: int) -> None:
    name = one.contender.name
    cpu_before, (user_before, kernel_before) = cpu_ns(one.pid), user_and_kernel_ticks(one.pid)
    said = drive(stage, load, one.port, one.contender.path, one.session)
    cpu_after, (user, kernel) = cpu_ns(one.pid), user_and_kernel_ticks(one.pid)
    if said.failed:
        raise WrongAnswerError(f"{said.failed} of {said.requests} requests failed ({load.measure})")
    figures.add(load.measure, name, (cpu_after - cpu_before) / 1000 / said.requests)
    if load.clients == 1 and one.contender.is_proxy:
        figures.add(ADDED, name, said.p50 - alone)
    ticks = (user - user_before) + (kernel - kernel_before)
    if load.measure == cpu(32) and ticks:
        figures.add(KERNEL, name, (kernel - kernel_before) / ticks)


def drive(
    stage: Stage, load: Load, port: int, path: str, session: str, seconds: int = SECONDS
) -> Said:
    file = stage.scratch / "load.lua"
    file.write_text(SCRIPT.replace("@BODY@", BODY).replace("@SESSION@", session) + load.script)
    url = f"http://127.0.0.1:{port}{path}"
    command = ["wrk", "-t1", f"-c{load.clients}", f"-d{seconds}s", "-s", str(file), url]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    said = Said(**json.loads(ended.stdout.splitlines()[-1]))
    if not said.requests:
        raise WrongAnswerError(f"no request was answered within {seconds} s ({load.measure})")
    return said
