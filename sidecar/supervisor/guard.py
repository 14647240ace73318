"""The process between the sidecar and an engine: it starts the engine and leaves nothing of it.

A script of its own, on the standard library alone: `guard.py GRACE COMMAND [ARGUMENT ...]`. Its
stdin is a socket to the sidecar. Lines to it: `stop SECONDS`, `signal NUMBER`. Lines from it:
`started PID` or `failed ERRNO`, `ended STATUS` (negative: a signal), and the socket's end once
nothing is left, or after `left COUNT` of what SIGKILL does not end. The end of the sidecar, however
it comes, is a `stop GRACE`.

It adopts what the engine's processes leave behind (PR_SET_CHILD_SUBREAPER, prctl(2)), so a daemon
in a session of its own is found too; and while it has no child, nobody is left.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_prctl = ctypes.CDLL(None).prctl

# Only the socket tells this process what to do.
_DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
# Python ignores these; what it starts shall not (signal(7): ignored stays ignored over exec).
_TO_RESTORE = (*_DEAF_TO, signal.SIGPIPE, signal.SIGXFSZ)
_LOOK_EVERY = 0.05
# Between SIGKILL and giving up: who sleeps in the kernel dies when the kernel is done.
_LAST_WAIT = 5.0
# The limit may be a thousand million, which a kernel without close_range(2) counts through.
_DESCRIPTORS = 65536


class Guard:
    """State: the engine's first process, when the rest must be gone, and what was told to whom."""

    def __init__(self, control: socket.socket, grace: float) -> None:
        self._control = control
        self._grace = grace
        self._heard = b""
        self._ended = False
        self._deadline: float | None = None
        self._told_all = False

    def start(self, command: list[str]) -> bool:
        seen, told = os.pipe()  # closed by a successful exec
        guard = os.getpid()
        self._leader = os.fork()
        if not self._leader:
            _become(command, guard, told)
        os.close(told)
        fault = os.read(seen, 16)
        os.close(seen)
        if fault:
            os.waitpid(self._leader, 0)
        self._say(f"failed {fault.decode()}" if fault else f"started {self._leader}")
        return not fault

    def run(self, wake: int) -> None:
        while self._reap():
            now = time.monotonic()
            if self._ended and not self._told_all:
                self._told_all = True
                self._hasten(self._grace)
                _signal_all(self._leader, signal.SIGTERM)
            if self._deadline is not None and now >= self._deadline:
                _signal_all(self._leader, signal.SIGKILL)
                if now >= self._deadline + _LAST_WAIT:
                    self._say(f"left {len(_descendants())}")
                    return
            self._wait(wake, now)

    def _reap(self) -> bool:
        """False once there is nobody left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return True
                if pid == self._leader:
                    self._ended = True
                    self._say(f"ended {os.waitstatus_to_exitcode(status)}")
        except ChildProcessError:
            return False

    def _wait(self, wake: int, now: float) -> None:
        control = self._control.fileno()  # -1 once the sidecar is gone
        listened = [wake] if control < 0 else [wake, control]
        ready, _, _ = select.select(listened, [], [], self._patience(now))
        if wake in ready:
            os.read(wake, 4096)
        if control in ready:
            self._listen()

    def _patience(self, now: float) -> float | None:
        if self._deadline is None:
            return None
        return max(self._deadline - now, _LOOK_EVERY)

    def _listen(self) -> None:
        try:
            data = self._control.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._control.close()
            self._stop(self._grace)
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            word, _, value = line.partition(b" ")
            if word == b"stop":
                self._stop(float(value))
            elif not self._ended:
                _signal(self._leader, int(value))

    def _stop(self, seconds: float) -> None:
        """The first process alone is told at first: it may have an order in which to end."""
        if self._deadline is None and not self._ended:
            _signal(self._leader, signal.SIGTERM)
        self._hasten(seconds)

    def _hasten(self, seconds: float) -> None:
        latest = time.monotonic() + seconds
        self._deadline = latest if self._deadline is None else min(self._deadline, latest)

    def _say(self, line: str) -> None:
        with suppress(OSError):  # the sidecar is gone
            self._control.sendall(line.encode() + b"\n")


def _become(command: list[str], guard: int, told: int) -> None:
    """In the fork: the engine, or the number of what was in its way."""
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died before it could be noticed
            return
        for number in _TO_RESTORE:
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(told, str(error.errno).encode())
    finally:
        os._exit(127)


def _signal_all(leader: int, number: int) -> None:
    """Everyone who descends from us; and the group, for whoever /proc does not show."""
    found = _descendants()
    for pid in found:
        _signal(pid, number)
    if not found:
        _signal(-leader, number)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        children.setdefault(_parent(name), []).append(int(name))
    found = children.get(os.getpid(), [])
    for pid in found:  # grows while it is walked
        found += children.get(pid, [])
    return found


def _parent(pid: str) -> int:
    """0 for a process that has just gone, or that nobody may look at."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _signal(pid: int, number: int) -> None:
    with suppress(OSError):  # gone, or another user's
        os.kill(pid, number)


def main() -> int:
    os.closerange(3, _DESCRIPTORS)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    guard = Guard(socket.socket(fileno=os.dup(0)), float(sys.argv[1]))
    if guard.start(sys.argv[2:]):
        guard.run(wake)
    return 0


if __name__ == "__main__":
    sys.exit(main())
