"""What the kernel says about a process: memory and descriptors."""

import os
from pathlib import Path

MIB = 2**20


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def forget_peak(pid: int) -> None:
    """Let the peak start again from what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
