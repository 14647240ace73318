"""What the kernel says a process has used."""

from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in tree(int(child)))]


def cpu_ns(pid: int) -> int:
    """Time on a processor of all threads of a process and its descendants."""
    files = [file for one in tree(pid) for file in Path(f"/proc/{one}/task").glob("*/schedstat")]
    return sum(_first_number(file) for file in files)


def rss_kib(pid: int) -> int:
    total = 0
    for one in tree(pid):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def _first_number(file: Path) -> int:
    try:
        return int(file.read_text().split()[0])
    except OSError:  # the thread has ended meanwhile
        return 0
