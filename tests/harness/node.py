"""Installs Node.js for the JavaScript clients, from PyPI, where the machine has none that is
recent: Debian 12's is 18.

`make test` runs it first and puts it in front of PATH. 230 MB and 15 s, measured with a fast index.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# What AWS's JavaScript SDK says it needs (`engines` of its package.json).
LEAST = 20
REQUIREMENTS = Path(__file__).parent / "requirements-node.txt"


def place() -> Path:
    base = os.environ.get("CLIENTS_DIR") or REQUIREMENTS.parents[2] / ".venv-clients"
    return Path(base).absolute() / "node"


def main() -> None:
    stamp = place() / ".ready"
    if _is_recent() or (stamp.is_file() and stamp.read_text() == _recipe()):
        return
    begin = time.monotonic()
    print(f"installing Node.js into {place()}", flush=True)
    python = place() / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", place()], check=True)
        subprocess.run([*pip, "--require-hashes", "-r", REQUIREMENTS], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Node.js could not be installed: {error}")
    stamp.write_text(_recipe())
    print(f"installed Node.js in {time.monotonic() - begin:.0f} s", flush=True)


def _is_recent() -> bool:
    """Whether the machine's own will do."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return int(shown.removeprefix("v").partition(".")[0] or 0) >= LEAST


def _recipe() -> str:
    return f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {sys.version}"


if __name__ == "__main__":
    main()
