"""What a session is on disk: names, the marker that holds its times, and the two renames.

    <root>/.tmp-<id>/       being made         --rename-->  <root>/<id>/        live
    <root>/<id>/            live               --rename-->  <root>/.del-<id>/   ended
    <root>/<id>/.sidecar-<boot>                empty; mtime = end of life, atime = made
    <root>/<id>/.expiration_ts                 only for MHCS, on request
    <root>/<id>/<key>                          the engine's, left alone until the session ends

A rename is the commit of both making and ending, so a process killed at any instruction leaves a
session whole or not at all. There is no fsync: sessions are to survive the process, not the
machine, whose engine's memory is gone as well.

Directories and empty files take no page on tmpfs (120 sessions fitted in a full one of 256 KiB);
a file with one byte takes 4 KiB of a container's usual 64 MiB. So the times are in an inode. The
end is on the boot clock, which nobody can set and all processes share. The directory's own mtime
moves when the engine adds a key, hence the marker.
"""

import contextlib
import json
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import NamedTuple

from sidecar.sessions.root import Root

MAKING = ".tmp-"
ENDED = ".del-"
OWN = ".sidecar"
# model_hosting_container_standards 0.1.16, sagemaker/sessions/manager.py
MHCS_EXPIRATION = ".expiration_ts"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAKE = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC


class NotASession(Exception):
    """Something has the name of a session, but we did not make it."""


class Lifetime(NamedTuple):
    created: float
    """Wall clock; for display."""
    end: float
    """Boot clock."""


class Layout:
    def __init__(self, root: Root, *, expiration_file: bool = False) -> None:
        self.root = root
        self._expiration_file = expiration_file
        self._marker = f"{OWN}-{_boot()}"

    def create(self, lifetime: Lifetime, expires: float) -> str:
        """Raises OSError, and then leaves nothing behind."""
        session_id = str(uuid.uuid4())
        making = MAKING + session_id
        os.mkdir(making, 0o700, dir_fd=self.root.fd)
        try:
            self._mark(making, lifetime)
            if self._expiration_file:
                self._write_expiration(making, expires)
            return self._rename(making, session_id)
        except OSError:
            with contextlib.suppress(OSError):
                self.delete(making)
            raise

    def read(self, session_id: str) -> Lifetime:
        """Raises NotASession, or OSError as the file system says it."""
        fd = self.root.fd
        _vet(os.stat(session_id, dir_fd=fd, follow_symlinks=False))
        try:
            marker = os.stat(self._marker_of(session_id), dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            # Either there never was a marker, or somebody ended the session just now.
            os.stat(session_id, dir_fd=fd, follow_symlinks=False)
            raise NotASession from None
        if not _is_marker(marker):
            raise NotASession
        return Lifetime(marker.st_atime_ns / 1e9, marker.st_mtime_ns / 1e9)

    def set(self, session_id: str, lifetime: Lifetime) -> None:
        marker, fd = self._marker_of(session_id), self.root.fd
        os.utime(marker, ns=_nanoseconds(lifetime), dir_fd=fd, follow_symlinks=False)

    def end(self, session_id: str) -> str:
        """The commit of an end; of several callers one gets a name to delete.

        Needs no space. The others get FileNotFoundError.
        """
        return self._rename(session_id, ENDED + session_id)

    def delete_own(self, name: str) -> bool:
        """Delete a directory that holds no more than we put there; False if it is still there."""
        own = [MHCS_EXPIRATION, self._marker] if self._expiration_file else [self._marker]
        try:
            for file in own:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{name}/{file}", dir_fd=self.root.fd)
            os.rmdir(name, dir_fd=self.root.fd)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def delete(self, name: str) -> None:
        """Delete a directory with all that an engine left in it. May be slow."""
        if not self.delete_own(name):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(name, dir_fd=self.root.fd)

    def is_ours(self, name: str) -> bool:
        """Whether a name with one of our prefixes is a directory that we may have made."""
        try:
            _vet(os.stat(name, dir_fd=self.root.fd, follow_symlinks=False))
        except (NotASession, FileNotFoundError):
            return False
        return True

    def end_half_made(self, name: str) -> str:
        """Take an abandoned directory from its maker; the name to delete."""
        return self._rename(name, ENDED + name.removeprefix(MAKING))

    def changed(self, name: str) -> float:
        return os.stat(name, dir_fd=self.root.fd, follow_symlinks=False).st_ctime

    def is_directory(self, name: str) -> bool:
        found = os.stat(name, dir_fd=self.root.fd, follow_symlinks=False)
        return stat.S_ISDIR(found.st_mode)

    def is_from_former_boot(self, session_id: str) -> bool:
        """Whether a directory without our marker holds one of a boot before this one."""
        fd = os.open(session_id, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.root.fd)
        try:
            names = [name for name in os.listdir(fd) if name.startswith(f"{OWN}-")]
            found = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
        finally:
            os.close(fd)
        return any(_is_marker(marker) for marker in found)

    def _rename(self, old: str, new: str) -> str:
        os.rename(old, new, src_dir_fd=self.root.fd, dst_dir_fd=self.root.fd)
        return new

    def _marker_of(self, name: str) -> str:
        return f"{name}/{self._marker}"

    def _mark(self, making: str, lifetime: Lifetime) -> None:
        marker = os.open(self._marker_of(making), _MAKE, 0o600, dir_fd=self.root.fd)
        try:
            os.utime(marker, ns=_nanoseconds(lifetime))
        finally:
            os.close(marker)

    def _write_expiration(self, making: str, expires: float) -> None:
        file = os.open(f"{making}/{MHCS_EXPIRATION}", _MAKE, 0o600, dir_fd=self.root.fd)
        try:
            os.write(file, json.dumps(expires).encode())
        finally:
            os.close(file)


def _vet(entry: os.stat_result) -> None:
    private = not stat.S_IMODE(entry.st_mode) & 0o077
    if not (stat.S_ISDIR(entry.st_mode) and entry.st_uid == os.geteuid() and private):
        raise NotASession


def _is_marker(entry: os.stat_result) -> bool:
    return stat.S_ISREG(entry.st_mode) and entry.st_uid == os.geteuid()


def _nanoseconds(lifetime: Lifetime) -> tuple[int, int]:
    return int(lifetime.created * 1e9), int(lifetime.end * 1e9)


def _boot() -> str:
    """Eight characters that change with each start of the machine."""
    try:
        return _BOOT_ID.read_text()[:8]
    except OSError:
        return "00000000"
