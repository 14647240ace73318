"""Each preset has a page, and what the page shows is what happens."""

import json
import re

import pytest

from sidecar.cli import main
from sidecar.delegation.grammar import source, variables
from sidecar.delegation.grammar.load import load_preset
from tests.delegation.pages import DIRECTORY, REAL, Page, agrees
from tests.delegation.play import Play
from tests.test_links import headings, links

PRESETS = source.names()
DOCS = DIRECTORY.parent


def test_each_preset_has_a_page_and_each_page_a_preset() -> None:
    assert sorted(page.stem for page in DIRECTORY.iterdir()) == PRESETS


@pytest.mark.parametrize("place", ["presets.md", "README.md"])
def test_the_overview_and_the_map_lead_to_each(place: str) -> None:
    assert set(DIRECTORY.iterdir()) <= {target for target, _ in links(DOCS / place)}


@pytest.mark.parametrize("preset", PRESETS)
def test_links_lead_somewhere(preset: str) -> None:
    for target, heading in links(DIRECTORY / f"{preset}.md"):
        assert target.exists(), target
        assert not heading or heading in headings(target), f"{target} has no #{heading}"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_settings_are_complete(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Page.of(preset).environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["check"]) == 0
    assert environment["SIDECAR_ENGINE_PRESET"] == preset
    named = {name for name in environment if name.startswith(variables.PREFIX)}
    needed = variables.variables_in(source.read(preset).tree)
    assert named == {f"{variables.PREFIX}{name}" for name in needed}


@pytest.mark.parametrize("preset", PRESETS)
def test_each_own_preset_is_one(preset: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = Page.of(preset)
    given = {
        name.removeprefix(variables.PREFIX): value
        for name, value in page.environment.items()
        if name.startswith(variables.PREFIX)
    }
    for number, text in enumerate(re.findall(r'`(\{\s*"extends".*?\})`', page.text, re.DOTALL)):
        assert json.loads(text)["extends"] == preset
        path = tmp_path_factory.mktemp("own") / f"{number}.json"
        path.write_text(text)
        load_preset(str(path), given)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name not in REAL])
async def test_what_is_shown_is_what_happens(preset: str) -> None:
    """The engine says what it says on the page."""
    play = Play(Page.of(preset))
    await play.run()
    for shown, real in play.said:
        assert agrees(shown, real), f"{shown}\n\nwas\n\n{real}"
