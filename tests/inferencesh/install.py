"""Installs inference.sh's own clients for the tests, each kind in a place of its own.

`make test` runs it before pytest. What is installed already is left alone; CLIENTS_DIR moves it out
of the project's directory. 100 MB and 30 s, measured with a fast index. Without npm the JavaScript
client is left out, and its tests say which Debian package they need.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent / "clients"
REQUIREMENTS = HERE / "requirements.txt"
# The first version with sessions that reads events, one with the first envelope, one in between.
ERAS = {path.stem: path for path in sorted((HERE / "eras").glob("*.txt"))}
JAVASCRIPT = (HERE / "js" / "package.json", HERE / "js" / "package-lock.json")


def place(kind: str) -> Path:
    base = os.environ.get("CLIENTS_DIR") or HERE.parents[2] / ".venv-clients"
    return Path(base).absolute() / f"inferencesh-{kind}"


def python() -> Path:
    return place("python") / "bin" / "python"


def era(version: str) -> Path:
    """What to put before the newest version on the path."""
    return place("python") / "eras" / version


def has_javascript() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


def main() -> None:
    install("python")
    if has_javascript():
        install("js")


def install(kind: str) -> None:
    if is_ready(kind):
        return
    begin = time.monotonic()
    print(f"installing inference.sh's {kind} clients into {place(kind)}", flush=True)
    _install_python() if kind == "python" else _install_javascript()
    (place(kind) / ".ready").write_text(_recipe(kind))
    print(f"installed them in {time.monotonic() - begin:.0f} s", flush=True)


def is_ready(kind: str) -> bool:
    stamp = place(kind) / ".ready"
    return stamp.is_file() and stamp.read_text() == _recipe(kind)


def require(kind: str) -> None:
    """Clients that are not installed fail the tests that need them; they do not skip them."""
    if not is_ready(kind):
        raise RuntimeError(f"no {kind} clients are installed: python tests/inferencesh/install.py")


def _recipe(kind: str) -> str:
    """What a place is made from; the stamp of a finished one holds it."""
    files = (REQUIREMENTS, *ERAS.values()) if kind == "python" else JAVASCRIPT
    sources = b"".join(file.read_bytes() for file in (*files, Path(__file__)))
    return f"{hashlib.sha256(sources).hexdigest()} {sys.base_prefix} {sys.version}"


def _install_python() -> None:
    _run([sys.executable, "-m", "venv", "--clear", place("python")])
    pip: list[str | Path] = [python(), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    _run([*pip, "--no-deps", "--require-hashes", "-r", REQUIREMENTS])
    for version, requirements in ERAS.items():
        options: list[str | Path] = ["--no-deps", "--require-hashes", "-r", requirements]
        _run([*pip, "--target", era(version), *options])


def _install_javascript() -> None:
    shutil.rmtree(place("js"), ignore_errors=True)
    place("js").mkdir(parents=True)
    for file in JAVASCRIPT:
        shutil.copy(file, place("js"))
    _run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--legacy-peer-deps"], place("js"))


def _run(command: Sequence[str | Path], directory: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"a client of the tests could not be installed: {error}")


if __name__ == "__main__":
    main()
