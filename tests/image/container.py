"""An image run as a container engine would: read-only root, 64 MiB of /dev/shm, process 1.

Namespaces by unshare(1). The network is the machine's, so that its loopback address is reached.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.image.build import Image
from tests.supervisor.supervised import children_of

_LIMIT = 40
_DEVICES = ("null", "zero", "full", "random", "urandom")
_START = """\
set -e
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in {devices}; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/dev/shm"
exec env -i {environment} "$(command -v chroot)" --userspec="$user:0" --groups= "$root" "$@"
"""


class Container:
    """`with Container(image, "serve", user="0", SIDECAR_PORT="1") as container:`"""

    def __init__(self, image: Image, *words: str, user: str, **variables: str) -> None:
        self._image = image
        self._user = user
        self._environment = _environment(image, variables)
        command = [*_at_home(image), *image.config["Entrypoint"], *(words or image.config["Cmd"])]
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        start = _START.format(devices=" ".join(_DEVICES), environment=self._environment)
        self.process = subprocess.Popen(
            [*namespaces, "sh", "-c", start, "sh", str(image.files), user, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        log, _ = self.process.communicate(timeout=_LIMIT)
        if error is not None:
            print(log, file=sys.stderr)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """In the running container, as `docker exec` does."""
        enter = ("nsenter", f"--target={self._first()}", "--mount", "--pid", "sh", "-c")
        inside = f'exec env -i {self._environment} "$(command -v chroot)" --userspec="$2:0"'
        inside += f' --groups= "$1" {shlex.join((*_at_home(self._image), *command))}'
        arguments = ("sh", str(self._image.files), self._user)
        return subprocess.run(
            [*enter, inside, *arguments], capture_output=True, text=True, timeout=_LIMIT
        )

    def stop(self) -> tuple[int, str]:
        """By the image's own signal. Returns the exit code, and everything that was printed."""
        os.kill(self._first(), getattr(signal, self._image.config["StopSignal"]))
        return self.ended()

    def ended(self) -> tuple[int, str]:
        log, _ = self.process.communicate(timeout=_LIMIT)
        return self.process.returncode, log

    def _first(self) -> int:
        until = time.monotonic() + _LIMIT
        while not (found := children_of(self.process.pid)):
            assert time.monotonic() < until and self.process.poll() is None
            time.sleep(0.01)
        (first,) = found
        return first


def _at_home(image: Image) -> tuple[str, ...]:
    """chroot(1) begins at /."""
    return ("env", f"--chdir={image.config['WorkingDir']}")


def _environment(image: Image, variables: Mapping[str, str]) -> str:
    given = dict(word.partition("=")[::2] for word in image.config["Env"])
    return shlex.join(f"{name}={value}" for name, value in {**given, **variables}.items())
