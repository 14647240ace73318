"""The pages of presets whose engine is here: curls and calls, with the engine's own answers."""

import pytest

from tests.delegation.pages import REAL, Page, agrees
from tests.delegation.play import Play
from tests.harness.engines import EngineProcess


@pytest.mark.parametrize("preset", REAL)
async def test_what_is_shown_is_what_the_engine_says(
    preset: str, request: pytest.FixtureRequest
) -> None:
    engine: EngineProcess = request.getfixturevalue(preset.partition("-")[0])
    play = Play(Page.of(preset), engine.url)
    await play.run()
    for shown, real in play.said:
        assert agrees(shown, real), f"{shown}\n\nwas\n\n{real}"
