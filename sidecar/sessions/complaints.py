"""What goes wrong in the background is said once, however often it is tried again."""

import logging
from pathlib import Path

LOG = logging.getLogger("sidecar.sessions")


class Complaints:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: set[tuple[str, int | None]] = set()
        self._foreign = False
        self.failures = 0

    def failed(self, what: str, error: OSError) -> None:
        self.failures += 1
        if (what, error.errno) not in self._said:
            self._said.add((what, error.errno))
            LOG.error("could not %s in %s: %s", what, self._path, error.strerror)

    def foreign(self, name: str) -> None:
        if not self._foreign:
            self._foreign = True
            LOG.warning(
                "%s holds entries that are not sessions of the sidecar, such as %.40r; "
                "they are left alone",
                self._path,
                name,
            )
