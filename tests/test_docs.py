"""What is written about the settings is what the code has."""

import re
import tomllib
from pathlib import Path

import pytest

from sidecar.config import Settings, load, settings_table

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "sidecar.toml"


def test_the_readme_holds_the_settings_table() -> None:
    _, start, rest = (ROOT / "README.md").read_text().partition("<!-- settings -->")
    table, end, _ = rest.partition("<!-- /settings -->")
    assert start and end, "README.md needs the markers <!-- settings --> and <!-- /settings -->"
    assert table.strip() == settings_table(), "insert `session-sidecar config --table`"


@pytest.fixture
def uncommented(tmp_path: Path) -> Path:
    path = tmp_path / "sidecar.toml"
    path.write_text(re.sub(r"^# (?=\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    return path


def test_the_example_has_every_key_with_its_default(uncommented: Path) -> None:
    values = tomllib.loads(uncommented.read_text())
    assert values.keys() == Settings.model_fields.keys() - {"config"}
    settings, defaults = load({"SIDECAR_CONFIG": str(uncommented)}), load({})
    assert [getattr(settings, name) for name in values] == [
        getattr(defaults, name) for name in values
    ]


def test_the_example_as_it_is_sets_nothing() -> None:
    assert tomllib.loads(EXAMPLE.read_text()) == {}
