"""The first process of a container: it adopts every orphan there, so it must collect their ends.

The kernel gives process 1 no default action for signals and all orphans (pid_namespaces(7)). So
process 1 stays this small, and the sidecar is its child.
"""

import os
import signal
from typing import Never

# siginfo.h: sent by the kernel, as a terminal's Ctrl-C is, to the whole foreground group: the
# sidecar has had it too, and a second one would mean "now".
_SI_KERNEL = 0x80


def leave_to_init() -> None:
    """Return in a child if this is process 1, else at once. Process 1 ends as the child does."""
    if os.getpid() != 1:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    _look_after(child)


def _look_after(child: int) -> Never:
    while True:
        came = signal.sigwaitinfo(signal.valid_signals())
        if came.si_signo != signal.SIGCHLD:
            if came.si_code != _SI_KERNEL:
                os.kill(child, came.si_signo)
            continue
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(128 - code if code < 0 else code)
