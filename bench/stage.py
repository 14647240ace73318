"""One engine and the contenders in front of it: started on their cores, checked, ended."""

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select

from bench.contenders import Contender, Place
from bench.processes import (
    NotStartedError,
    clean_environment,
    end,
    end_orphans,
    free_port,
    wait_for,
)
from bench.running import Running, WrongAnswerError, check, open_session

HERE = Path(__file__).parent
# prctl(2): children whose parent has ended become ours, so that none is left behind.
PR_SET_CHILD_SUBREAPER = 36
GONE_LIMIT = 5.0
GONE_LIMIT = 5.0


class Stage:
    """Load and engine on the last core this process may use, contenders on the first."""

    def __init__(self, scratch: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.scratch, self.core = scratch, cores[0]
        self.left_out: dict[str, str] = {}
        os.sched_setaffinity(0, {cores[-1]})  # and so for the engine and each load
        self.engine_port = free_port()
        self.engine_socket = scratch / "engine.sock"
        for name in ("backend", "streams"):
            subprocess.run(
                ["gcc", "-O2", "-o", scratch / name, HERE / f"{name}.c"], check=True, timeout=60
            )

    @contextmanager
    def engine(self) -> Iterator[None]:
        backend, path = str(self.scratch / "backend"), str(self.engine_socket)
        command = [backend, str(self.engine_port), path]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None
        self._engine_says = process.stdout
        try:
            wait_for(self.engine_port, process)
            yield
        finally:
            end(process)
            process.stdout.close()

    @contextmanager
    def running(
        self, contender: Contender, more: Mapping[str, str] | None = None
    ) -> Iterator[Running]:
        place = self.place()
        command = ["taskset", "-c", str(self.core), *contender.command(place)]
        variables = clean_environment() | contender.variables(place) | dict(more or {})
        log = self.scratch / f"{place.port}.log"
        with log.open("wb") as file:
            began = time.perf_counter()
            process = subprocess.Popen(
                command, env=variables, stdout=file, stderr=file, start_new_session=True
            )
        try:
            self._wait(place.port, process, log)
            ready = (time.perf_counter() - began) * 1000
            session = open_session(place.port) if contender.has_sessions else "a-session"
            one = Running(contender, place.port, process.pid, ready, session)
            check(one)
            yield one
        finally:
            end(process)
            log.unlink()

    def place(self) -> Place:
        return Place(free_port(), free_port(), self.engine_port, self.engine_socket, self.scratch)

    def engine_lost(self, since: int) -> int:
        """When the engine lost a request that it held, by the monotonic clock in nanoseconds.

        What it says of earlier ones is passed over."""
        while select([self._engine_says], [], [], GONE_LIMIT)[0]:
            for time_lost in os.read(self._engine_says.fileno(), 65536).split():
                if int(time_lost) >= since:
                    return int(time_lost)
        raise WrongAnswerError(f"the engine still held the request after {GONE_LIMIT:g} s")

    def still_in(self, running: Sequence[Running]) -> list[Running]:
        return [one for one in running if one.contender.name not in self.left_out]

    def leave_out(self, name: str, reason: object) -> None:
        # No path of this machine gets into the results.
        text = str(reason).replace(str(HERE.parent), ".").replace(sys.prefix, "python")
        self.left_out[name] = text
        print(f"left out: {name}: {reason}", file=sys.stderr)

    @contextmanager
    def or_left_out(self, what: str) -> Iterator[None]:
        """Whatever is wrong with one part of a run is said, and the rest goes on."""
        try:
            yield
        except Exception as error:  # of any kind: what was measured in ten minutes is to be kept
            self.leave_out(what, f"{type(error).__name__}: {error}")

    def _wait(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        try:
            wait_for(port, process)
        except NotStartedError as error:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise NotStartedError(f"{error}: {' '.join(last)[:300]}") from None


@contextmanager
def stage() -> Iterator[Stage]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="bench-", dir=memory)
        made = Stage(Path(stack.enter_context(scratch)))
        stack.callback(end_orphans)
        stack.enter_context(made.engine())
        yield made
