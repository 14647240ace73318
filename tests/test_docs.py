"""What is written about settings, the command line and refusals is what the code has."""

import re
import tomllib
from pathlib import Path

import pytest

from sidecar import errors
from sidecar.cli import main
from sidecar.config import Settings, load, settings_table, values

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "sidecar.toml"


def between(name: str, page: str) -> str:
    """What a page has between its markers of that name."""
    _, start, rest = (ROOT / page).read_text().partition(f"<!-- {name} -->")
    held, end, _ = rest.partition(f"<!-- /{name} -->")
    assert start and end, f"{page} needs the markers <!-- {name} --> and <!-- /{name} -->"
    return held.strip()


def test_the_readme_holds_the_settings_table() -> None:
    written = between("settings", "README.md")
    assert written == settings_table(), "insert `session-sidecar config --table`"


def test_the_page_of_the_command_line_holds_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out.strip()
    assert between("help", "docs/cli.md") == f"```\n{told}\n```", "insert what --help prints"


def test_values_are_what_the_page_of_settings_says() -> None:
    rows = re.findall(
        r"^\| (\w+) \| (`.*`) \| (.*) \|$", between("values", "docs/settings.md"), re.M
    )
    assert len(rows) > 10
    for kind, written, meant in rows:
        for text in re.findall(r"`([^`]+)`", written):
            assert meaning(kind, text) == meant, text


def meaning(kind: str, text: str) -> str:
    match kind:
        case "switch":
            return "on" if values.switch(text) else "off"
        case "time":
            return f"{values.duration()(text):g} seconds"
        case _:
            return f"{values.size()(text)} bytes"


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


def test_every_refusal_is_on_the_page_of_the_contract() -> None:
    table = between("refusals", "docs/sagemaker.md")
    written = re.findall(r"^\| (\d+) \| `(\w+)` \|", table, re.MULTILINE)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = {
        (str(kind.status), kind.kind)
        for kind in kinds
        if issubclass(kind, errors.SidecarError) and kind is not errors.SidecarError
    }
    assert len(written) == len(set(written)) and set(written) == ours
