"""Installs the real AgentCore clients of the tests, each kind in a place of its own.

`make test` runs it before pytest. What is installed already is left alone; CLIENTS_DIR moves it out
of the project's directory. 160 MB and 30 s, measured with a fast index. Without npm and a recent
Node the JavaScript client is left out, and its test says what it needs.
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
# The toolkit is a program of its own: what it needs is not to decide what the SDK gets.
REQUIREMENTS = {"python": HERE / "requirements.txt", "toolkit": HERE / "toolkit.txt"}
# What the JavaScript SDK says it needs (`engines` of its package.json).
NODE = 20
JAVASCRIPT = (HERE / "js" / "package.json", HERE / "js" / "package-lock.json")


def place(kind: str) -> Path:
    base = os.environ.get("CLIENTS_DIR") or HERE.parents[2] / ".venv-clients"
    return Path(base).absolute() / kind


def python(kind: str = "python") -> Path:
    return place(kind) / "bin" / "python"


def has_javascript() -> bool:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return int(shown.removeprefix("v").partition(".")[0]) >= NODE


def main() -> None:
    install("python")
    install("toolkit")
    if has_javascript():
        install("js")


def install(kind: str) -> None:
    if is_ready(kind):
        return
    begin = time.monotonic()
    print(f"installing the {kind} clients into {place(kind)}", flush=True)
    _install_javascript() if kind == "js" else _install_python(kind)
    (place(kind) / ".ready").write_text(_recipe(kind))
    print(f"installed the {kind} clients in {time.monotonic() - begin:.0f} s", flush=True)


def is_ready(kind: str) -> bool:
    stamp = place(kind) / ".ready"
    return stamp.is_file() and stamp.read_text() == _recipe(kind)


def require(kind: str) -> None:
    """Clients that are not installed fail the tests that need them; they do not skip them."""
    if not is_ready(kind):
        raise RuntimeError(f"no {kind} clients are installed: python tests/agentcore/install.py")


def _recipe(kind: str) -> str:
    """What a place is made from; the stamp of a finished one holds it."""
    files = JAVASCRIPT if kind == "js" else (REQUIREMENTS[kind],)
    sources = b"".join(file.read_bytes() for file in (*files, Path(__file__)))
    return f"{hashlib.sha256(sources).hexdigest()} {sys.base_prefix} {sys.version}"


def _install_python(kind: str) -> None:
    _run([sys.executable, "-m", "venv", "--clear", place(kind)])
    pip: list[str | Path] = [python(kind), "-m", "pip", "--disable-pip-version-check", "-q"]
    _run([*pip, "install", "--no-deps", "--require-hashes", "-r", REQUIREMENTS[kind]])


def _install_javascript() -> None:
    shutil.rmtree(place("js"), ignore_errors=True)
    place("js").mkdir(parents=True)
    for file in JAVASCRIPT:
        shutil.copy(file, place("js"))
    _run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], place("js"))


def _run(command: Sequence[str | Path], directory: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"a client of the tests could not be installed: {error}")


if __name__ == "__main__":
    main()
