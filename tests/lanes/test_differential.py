"""The same bytes through both lanes: the engine and the client see the same."""

import asyncio
import re
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.lanes.examples import Example, examples
from tests.lanes.stage import Seen, Stage

BATCH = 100
BATCHES = 200
SLOTS = 24


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def stage(runner: asyncio.Runner) -> Iterator[Stage]:
    stage = Stage(SLOTS)
    runner.run(stage.__aenter__())
    yield stage
    runner.run(stage.__aexit__())


def test_both_lanes_do_the_same(runner: asyncio.Runner, stage: Stage) -> None:
    different: list[str] = []

    # A batch that failed in here would be printed whole, a megabyte long.
    @settings(
        max_examples=BATCHES,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(batch=st.lists(examples(), min_size=BATCH, max_size=BATCH))
    def compare(batch: list[Example]) -> None:
        if not different:
            different.extend(show(*one) for one in runner.run(stage.differences(batch)))

    compare()
    assert not different, f"{len(different)} of a batch differ: {different[0]}"


def show(example: Example, express: Seen, reference: Seen) -> str:
    text = f"\nsent {example}\nexpress   {express}\nreference {reference}"
    return re.sub(r"(y|l){100,}", r"\1...", text)
