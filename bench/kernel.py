"""What the kernel says a process and its descendants have used."""

import time
from contextlib import suppress
from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: list[int] = []
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            children += [int(child) for child in file.read_text().split()]
    return [pid, *(one for child in children for one in tree(child))]


def cpu_ns(pid: int) -> int:
    """Time on a processor, of all threads that live."""
    files = [file for one in tree(pid) for file in Path(f"/proc/{one}/task").glob("*/schedstat")]
    return sum(_first_number(file) for file in files)


def user_and_kernel_ticks(pid: int) -> tuple[int, int]:
    """Of proc(5)'s stat; only their ratio is of use, a tick being 10 ms."""
    times = [_times(one) for one in tree(pid)]
    return sum(user for user, _ in times), sum(kernel for _, kernel in times)


def rss_kib(pid: int) -> int:
    return sum(_status(one, "VmRSS:") for one in tree(pid))


def settled_rss_kib(pid: int) -> int:
    """Once it has stood still for 0.3 s, or after 3 s."""
    seen = [rss_kib(pid)]
    while len(seen) < 30 and (len(seen) < 4 or len(set(seen[-4:])) > 1):
        time.sleep(0.1)
        seen.append(rss_kib(pid))
    return seen[-1]


def forget_peak(pid: int) -> None:
    for one in tree(pid):
        Path(f"/proc/{one}/clear_refs").write_text("5")  # proc(5): resets VmHWM


def peak_kib(pid: int) -> int:
    return sum(_status(one, "VmHWM:") for one in tree(pid))


def _status(pid: int, field: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0


def _times(pid: int) -> tuple[int, int]:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])
    return 0, 0


def _first_number(file: Path) -> int:
    try:
        return int(file.read_text().split()[0])
    except OSError:  # the thread has ended meanwhile
        return 0
