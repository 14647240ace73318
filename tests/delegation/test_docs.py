"""What is written about presets is what there is."""

import json
import re
from pathlib import Path

import pytest

from sidecar.config import Settings
from sidecar.config.sources import ALIASES, variable
from sidecar.delegation.grammar import source, variables
from sidecar.delegation.grammar.load import load_preset

ROOT = Path(__file__).parents[2]
PRESETS = (ROOT / "docs" / "presets.md").read_text()
FROM_MHCS = (ROOT / "docs" / "from-mhcs.md").read_text()

ROWS = [line.split(" | ") for line in FROM_MHCS.splitlines() if line.startswith("| ")][1:]
EXAMPLES = re.findall(r"```json\n(.*?)```", PRESETS, re.DOTALL)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][2:40])
def test_each_row_names_a_test_that_there_is(row: list[str]) -> None:
    assert len(row) == 3
    found = re.fullmatch(r"`(tests/[a-z0-9_/]+\.py)::(test_\w+)` \|", row[2])
    assert found, row[2]
    assert re.search(rf"^(async )?def {found[2]}\(", (ROOT / found[1]).read_text(), re.MULTILINE)


@pytest.mark.parametrize("text", [PRESETS, FROM_MHCS], ids=["presets", "from-mhcs"])
def test_each_setting_named_is_one(text: str) -> None:
    known = {variable(name) for name in Settings.model_fields} | set(ALIASES.values())
    named = set(re.findall(r"`((?:SIDECAR|SAGEMAKER)_[A-Z_]+)`", text))
    assert {name for name in named - known if not name.startswith("SIDECAR_PRESET_")} == set()


def test_the_table_has_every_preset_with_its_variables() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]*)\|", PRESETS, re.MULTILINE)
    told = {name: set(re.findall(r"`([A-Z_]+)`", needs)) for name, needs in rows}
    assert told == {
        name: set(variables.variables_in(source.read(name).tree)) for name in source.names()
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_preset(example: str, tmp_path: Path) -> None:
    path = tmp_path / "example.json"
    path.write_text(example)
    given = dict.fromkeys(variables.variables_in(json.loads(example)), "m")
    load_preset(str(path), given)


def test_every_key_has_an_example_or_a_word() -> None:
    keys = {key for name in source.names() for key in source.read(name).tree}
    assert {key for key in keys if f"**`{key}`**" not in PRESETS} == set()
    assert len(EXAMPLES) >= 7
