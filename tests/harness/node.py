"""Installs Node.js for the JavaScript clients, from PyPI, where the machine has none that is
recent: Debian 12's is 18.

`make test` runs it first and puts it in front of PATH. 230 MB and 15 s, measured with a fast index.
"""

import shutil
import subprocess
from pathlib import Path

from tests.harness.installing import Program, from_pypi

# What AWS's JavaScript SDK says it needs (`engines` of its package.json).
LEAST = 20
REQUIREMENTS = Path(__file__).with_name("requirements-node.txt")
NODE = Program("node", (REQUIREMENTS,), lambda place: from_pypi(place, REQUIREMENTS))


def main() -> None:
    if not is_recent():
        NODE.install()


def is_recent() -> bool:
    """Whether what is on PATH will do."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return int(shown.removeprefix("v").partition(".")[0] or 0) >= LEAST


if __name__ == "__main__":
    main()
