"""What a skipped test does to a run: fails it under CI, names the missing package elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ONE_TEST = """
import pytest

def test_tool():
    pytest.skip("needs the Debian package strace")

def test_other():
    pass
"""
WHOLE_MODULE = """
import pytest
pytest.skip("needs the Debian package faketime", allow_module_level=True)
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(strict=True)
def test_known():
    assert False
"""


def run(directory: Path, source: str, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), directory / "conftest.py")
    (directory / "test_it.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", directory],
        env=os.environ | {"CI": ci},
        cwd=directory,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("source", "package"), [(ONE_TEST, "strace"), (WHOLE_MODULE, "faketime")])
def test_a_skip_fails_under_ci(tmp_path: Path, source: str, package: str) -> None:
    result = run(tmp_path, source, ci="true")
    assert result.returncode in (1, 2), result.stdout
    assert f"CI skips nothing: needs the Debian package {package}" in result.stdout


@pytest.mark.parametrize(("source", "package"), [(ONE_TEST, "strace"), (WHOLE_MODULE, "faketime")])
def test_a_skip_is_loud_elsewhere(tmp_path: Path, source: str, package: str) -> None:
    result = run(tmp_path, source, ci="")
    line = f"TESTS WERE SKIPPED: install the Debian packages {package}"
    assert result.stdout.count(line) == 1, result.stdout
    assert "1 skipped" in result.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED_FAILURE, ci="true").returncode == 0


def test_nothing_is_said_without_a_skip(tmp_path: Path) -> None:
    result = run(tmp_path, "def test_it(): pass", ci="")
    assert "SKIPPED" not in result.stdout
