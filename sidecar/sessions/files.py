"""Files inside a session's directory: nothing is followed, waited for or left half-written."""

import contextlib
import errno
import os
import stat

# Of a process that was killed before its rename; the next writer takes it away.
NEW = ".sidecar.new"
# NONBLOCK: opening a FIFO that somebody planted must not wait for its other end.
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MAKE = _SAFE | os.O_CREAT | os.O_EXCL | os.O_WRONLY
_NOT_REGULAR = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})


class NotAFile(OSError):
    """Something has the name of a file, but is a link, a FIFO, a directory."""

    def __init__(self) -> None:
        super().__init__(errno.EPERM, "something else has the name of a file")


class TooLong(OSError):
    def __init__(self, size: int) -> None:
        super().__init__(errno.EFBIG, os.strerror(errno.EFBIG))
        self.size = size


def close(fd: int) -> None:
    """What write(2) took counts as kept. There is no fsync either: see layout.py."""
    with contextlib.suppress(OSError):
        os.close(fd)


def open_regular(name: str, flags: int, *, dir_fd: int) -> int:
    try:
        fd = os.open(name, flags | _SAFE, 0o600, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotAFile from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotAFile
    return fd


def read(name: str, limit: int, *, dir_fd: int) -> bytes | None:
    """None if there is no such file. Raises NotAFile and TooLong."""
    try:
        fd = open_regular(name, os.O_RDONLY, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb", buffering=0) as file:
        size = os.fstat(fd).st_size
        if size > limit:
            raise TooLong(size)
        return file.readall()


def make(name: str, data: bytes, *, dir_fd: int) -> None:
    """A new file with all of `data`, or none."""
    fd = os.open(name, MAKE, 0o600, dir_fd=dir_fd)
    try:
        write(fd, data)
    except OSError:
        os.unlink(name, dir_fd=dir_fd)
        raise
    finally:
        close(fd)


def replace(name: str, data: bytes, *, dir_fd: int) -> None:
    """Readers see the former file or the new one, each of them whole. For one writer at a time."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(NEW, dir_fd=dir_fd)
    make(NEW, data, dir_fd=dir_fd)
    try:
        os.rename(NEW, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except OSError:
        os.unlink(NEW, dir_fd=dir_fd)
        raise


def write(fd: int, data: bytes) -> None:
    """All of it: a file system that fills up takes a part first, and refuses the rest."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])
