"""One engine and the contenders in front of it: started on their cores, checked, ended."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import Contender, Place
from bench.kernel import tree

HERE = Path(__file__).parent
START_LIMIT = 20.0
ANSWER_LIMIT = 20.0
BODY = json.dumps({"model": "bench", "prompt": "x" * 268})


class WrongAnswerError(Exception):
    """A contender that started did not answer as it should."""


class NotStartedError(Exception):
    pass


@dataclass(frozen=True)
class Running:
    contender: Contender
    port: int
    pid: int
    ready_ms: float
    session: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.contender.path}"

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "X-Amzn-SageMaker-Session-Id": self.session}


class Stage:
    """Load and engine on the last core this process may use, contenders on the first."""

    def __init__(self, scratch: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.scratch, self.core = scratch, cores[0]
        os.sched_setaffinity(0, {cores[-1]})  # and so for the engine and each load
        self.engine_port = free_port()
        self.engine_socket = scratch / "engine.sock"
        for name in ("backend", "streams"):
            subprocess.run(
                ["gcc", "-O2", "-o", scratch / name, HERE / f"{name}.c"], check=True, timeout=60
            )

    @contextmanager
    def engine(self) -> Iterator[None]:
        command = [self.scratch / "backend", str(self.engine_port), self.engine_socket]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            wait_for(self.engine_port, process)
            yield
        finally:
            end(process)

    @contextmanager
    def running(self, contender: Contender) -> Iterator[Running]:
        place = Place(free_port(), self.engine_port, self.engine_socket, self.scratch)
        command = contender.command(place)
        variables = os.environ | contender.variables(place)
        log = self.scratch / f"{place.port}.log"
        with log.open("wb") as file:
            began = time.perf_counter()
            process = subprocess.Popen(
                ["taskset", "-c", str(self.core), *command],
                env=variables,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            try:
                wait_for(place.port, process)
            except NotStartedError as error:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise NotStartedError(f"{error}: {' '.join(last)[:300]}") from None
            ready = (time.perf_counter() - began) * 1000
            session = open_session(place.port) if contender.has_sessions else "a-session"
            one = Running(contender, place.port, process.pid, ready, session)
            check(one)
            yield one
        finally:
            end(process)


@contextmanager
def stage() -> Iterator[Stage]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="bench-", dir=memory)
        made = Stage(Path(stack.enter_context(scratch)))
        stack.enter_context(made.engine())
        yield made


def end(process: subprocess.Popen[bytes]) -> None:
    """At once, with all it has started: nothing here has anything to lose."""
    for pid in tree(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise NotStartedError(f"ended with {process.returncode}")
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.002)
    raise NotStartedError(f"did not listen within {START_LIMIT:g} s")


def open_session(port: int) -> str:
    headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}
    request = b'{"requestType": "NEW_SESSION"}'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)
    try:
        connection.request("POST", "/invocations", request, headers)
        answer = connection.getresponse()
        session = answer.getheader("X-Amzn-SageMaker-New-Session-Id")
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswerError(f"NEW_SESSION: {error!r}") from error
    finally:
        connection.close()
    if session is None:
        raise WrongAnswerError(f"NEW_SESSION: status {answer.status}")
    return session.partition(";")[0]


def check(one: Running) -> None:
    """A router may know its engine a little later than it listens."""
    limit = time.monotonic() + ANSWER_LIMIT
    while (fault := _fault(one)) is not None:
        if time.monotonic() > limit:
            raise WrongAnswerError(fault)
        time.sleep(0.2)


def _fault(one: Running) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=ANSWER_LIMIT)
    try:
        connection.request("POST", one.contender.path, BODY, one.headers())
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    if answer.status != 200:
        return f"status {answer.status}: {text[:200]!r}"
    body = json.loads(text)
    if one.contender.is_proxy and body.get("received") != len(BODY):
        return f"{len(BODY)} bytes were sent; the answer is {text[:200]!r}"
    return None
