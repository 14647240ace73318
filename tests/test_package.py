"""The package as users get it: a wheel that stands alone, and sources that have their tests."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from sidecar import __version__

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """Without anything of the checkout in its way."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with both, built by the project's own backend."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", out, cwd=ROOT)
    return out


def only(directory: Path, pattern: str) -> Path:
    [path] = directory.glob(pattern)
    return path


def test_the_wheel_works_alone(built: Path, tmp_path: Path) -> None:
    """In an environment of its own, away from the checkout."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "-q", "install")
    locked = ROOT / "requirements" / "runtime.txt"
    run(*pip, "--require-hashes", "-r", locked, cwd=tmp_path)
    run(*pip, "--no-deps", only(built, "*.whl"), cwd=tmp_path)
    command = tmp_path / "venv" / "bin" / "session-sidecar"
    assert run(command, "--version", cwd=tmp_path) == f"session-sidecar {__version__}\n"
    assert run(command, "check", cwd=tmp_path)
    assert "triton-uint64" in run(command, "presets", cwd=tmp_path)
    shown = run(python, "-m", "sidecar.demo", "--once", cwd=tmp_path)
    assert "X-Amzn-SageMaker-New-Session-Id" in shown


def test_the_wheel_holds_all_of_the_package_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    there = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "sidecar").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == there


def test_the_sources_hold_what_their_tests_need(built: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as sources:
        top = {name.split("/")[1] for name in sources.getnames() if "/" in name}
    assert {"sidecar", "tests", "bench", "config", "docs", "requirements"} <= top
    assert {"Dockerfile", "LICENSE", "Makefile", "README.md", "pyproject.toml"} <= top
