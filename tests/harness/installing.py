"""Installs, once, the programs of others that the tests call: each in a directory of its own.

The installers run as scripts, before there is pytest; they find this module as the project itself
is installed editable.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """`make` puts it into the directory that it is given; `sources` are what it is made from.

    What is installed already is left alone. CLIENTS_DIR moves it out of the project's directory.
    """

    name: str
    sources: tuple[Path, ...]
    make: Callable[[Path], None]

    @property
    def place(self) -> Path:
        base = os.environ.get("CLIENTS_DIR") or ROOT / ".venv-clients"
        return Path(base).absolute() / self.name

    @property
    def python(self) -> Path:
        return self.place / "bin" / "python"

    def install(self) -> None:
        if self.is_ready():
            return
        begin = time.monotonic()
        print(f"installing {self.place}", flush=True)
        self.make(self.place)
        self._stamp.write_text(self._recipe())
        print(f"installed {self.place} in {time.monotonic() - begin:.0f} s", flush=True)

    def is_ready(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text() == self._recipe()

    def require(self) -> None:
        """What is not installed fails the tests that need it; it does not skip them."""
        if not self.is_ready():
            raise RuntimeError(f"{self.place} is not installed: make test does it")

    @property
    def _stamp(self) -> Path:
        return self.place / ".ready"

    def _recipe(self) -> str:
        """What a place is made from; the stamp of a finished one holds it."""
        sources = b"".join(file.read_bytes() for file in (*self.sources, Path(__file__)))
        return f"{hashlib.sha256(sources).hexdigest()} {sys.base_prefix} {sys.version}"


def from_pypi(place: Path, requirements: Path) -> None:
    """A virtual environment, with exactly what is listed there."""
    run(sys.executable, "-m", "venv", "--clear", place)
    pip_install(place, "-r", requirements)


def pip_install(place: Path, *arguments: str | Path) -> None:
    pip = (place / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install")
    run(*pip, "--no-deps", "--require-hashes", *arguments)


def from_npm(place: Path, package: Iterable[Path], *options: str) -> None:
    """`package`: package.json and the lock beside it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file in package:
        shutil.copy(file, place)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", *options, directory=place)


def run(*command: str | Path, directory: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"a program of the tests could not be installed: {error}")
