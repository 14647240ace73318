"""Every name of a setting that is written anywhere for users is the name of a setting."""

from pathlib import Path

import pytest

from tests.examples.shipped import ROOT, unknown_names

WRITTEN = [
    *(ROOT / "docs").glob("*.md"),
    *(path for path in (ROOT / "config").iterdir() if path.is_file()),
    *(ROOT / name for name in ("README.md", "Dockerfile", "SECURITY.md", "CONTRIBUTING.md")),
]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_setting_is_made_up(path: Path) -> None:
    assert unknown_names(path.read_text()) == []
