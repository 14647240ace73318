"""redis-py is an extra: without it everything else works, and a store at an address says so."""

import os
import subprocess
import sys

import pytest

# None in sys.modules is what import meets where nothing is installed.
WITHOUT = """
import sys
sys.modules["redis"] = None
sys.argv = ["session-sidecar", *sys.argv[1:]]
from sidecar.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    "arguments, code, said", [(["serve"], 1, "session-sidecar[redis]"), (["--version"], 0, "")]
)
def test_it_is_asked_for_where_it_is_needed(arguments: list[str], code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        env=os.environ | {"SIDECAR_STORE": "redis://:s3cret@127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
