"""The directory that holds all sessions: opened once, vetted, and reached only through its fd."""

import contextlib
import errno
import fcntl
import os
import stat
import uuid
from pathlib import Path

from sidecar.errors import StoreFailed

# No room is no reason to leave a directory: sessions in it keep working, and can be closed.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# EMLINK: ext4 without dir_nlink holds 65,000 directories.
NO_ROOM = FULL | {errno.EMLINK}
# A directory cannot be renamed onto what has the name.
TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
# What the name of a session leads to when there is none.
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Root:
    """A vetted directory. Processes must not share one over a fork: the lock would be shared too.

    `fd` stays the same number for life, also when the directory had to be made anew.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.fd = _open(path)

    def directories(self) -> int | None:
        """Entries that are directories, of all processes, in O(1).

        A directory has one link from its parent, one from itself and one from each directory in
        it (tmpfs, ext4, xfs). Where this is not kept st_nlink is 1: btrfs, ext4 over 65,000.
        """
        links = os.fstat(self.fd).st_nlink
        return links - 2 if links >= 2 else None

    def lock(self) -> bool:
        """Whether the root's lock is ours.

        Locking the directory itself leaves no file in it that a peer could take for a session.
        """
        try:
            lock(self.fd)
        except BlockingIOError:
            return False
        return True

    def revive(self) -> None:
        """Make the directory again if somebody deleted it.

        dup2 swaps it under the same number, so a thread that uses the fd right now meets either
        the old or the new directory, never a stranger's descriptor.
        """
        if os.fstat(self.fd).st_nlink:
            return
        fresh = _open(self.path)
        os.dup2(fresh, self.fd, inheritable=False)
        os.close(fresh)

    def close(self) -> None:
        os.close(self.fd)


def open_root(preferred: Path, fallback: Path) -> tuple[Root, str | None]:
    """The first of the two that can be used, and one sentence if it is not the preferred one."""
    try:
        return Root(preferred), None
    except OSError as error:
        reason = _reason(error)
    problem = f"the sessions directory {preferred} cannot be used: {reason}"
    remedy = (
        f"make {preferred} a directory that belongs to user {os.geteuid()} and is writable, "
        "or name another with SIDECAR_SESSIONS_PATH"
    )
    try:
        return Root(fallback), f"{problem}; using {fallback} instead; {remedy}"
    except OSError as error:
        second = f"{fallback} cannot be used either: {_reason(error)}"
        raise StoreFailed(f"{problem}; {second}; {remedy}") from error


def lock(fd: int) -> None:
    """Raises BlockingIOError if it is another's. The kernel releases it when its owner dies."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # No locks on this file system: all may sweep and write. Renames let one of them win.
        pass


def unlock(fd: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)


def _open(path: Path) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    fd = os.open(path, _FLAGS)
    try:
        _vet(fd)
    except OSError:
        os.close(fd)
        raise
    return fd


def _vet(fd: int) -> None:
    found = os.fstat(fd)
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"it belongs to user {found.st_uid}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(fd, 0o700)
    # Only doing it tells: access(2) knows nothing of quotas or security modules.
    trial = f".tmp-{uuid.uuid4()}"
    try:
        os.mkdir(trial, 0o700, dir_fd=fd)
        os.rmdir(trial, dir_fd=fd)
    except OSError as error:
        if error.errno not in FULL:
            raise


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
