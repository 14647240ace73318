"""How an entry of the sessions directory is told apart that no live process answers for."""

import os
import stat
import time

from sidecar.sessions.layout import CLOSED, ENDED, MAKING, OWN, Layout, NotASession, is_marker, vet

# Making takes microseconds; half-made for longer than this means that the maker died.
HALF_MADE_LIMIT = 60.0


class Leftovers:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        # ctime is set by the kernel, so it is compared with the kernel's clock, not the moved one.
        self._started = time.time()

    def is_ours(self, name: str) -> bool:
        """Whether a name with one of our prefixes is a directory that we may have made."""
        try:
            vet(self._stat(name))
        except (NotASession, FileNotFoundError):
            return False
        return True

    def is_abandoned(self, name: str) -> bool:
        """Older than this process or than a minute; a time to come means that a clock was set."""
        if not self.is_ours(name):
            return False
        changed, now = self._stat(name).st_ctime, time.time()
        oldest = max(self._started, now - HALF_MADE_LIMIT)
        return not oldest <= changed <= now + HALF_MADE_LIMIT

    def take(self, name: str) -> str:
        """Take a half-made directory from its maker; the name to delete."""
        ended, fd = ENDED + name.removeprefix(MAKING), self._layout.root.fd
        os.rename(name, ended, src_dir_fd=fd, dst_dir_fd=fd)
        return ended

    def end(self, session_id: str) -> str:
        """End a session of a former boot; the name to delete. Nobody is told: engines are gone
        with the machine."""
        return self._layout.end(session_id, CLOSED, self._stat(session_id).st_ino)

    def is_directory(self, name: str) -> bool:
        return stat.S_ISDIR(self._stat(name).st_mode)

    def is_from_former_boot(self, session_id: str) -> bool:
        """Whether a directory without our marker holds one of a boot before this one."""
        fd = self._layout.open(session_id)
        try:
            names = [name for name in os.listdir(fd) if name.startswith(f"{OWN}-")]
            found = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
        finally:
            os.close(fd)
        return any(map(is_marker, found))

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._layout.root.fd, follow_symlinks=False)
