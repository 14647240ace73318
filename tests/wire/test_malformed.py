"""Requests that other servers read in two ways: one reading, or a refusal, and never a hang.

All of them run once, against one sidecar and some at a time, whole and byte by byte; then each
case is judged by a test of its own.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import Record, RecordingEngine
from tests.wire.malformed import CASES
from tests.wire.malformed.case import Case
from tests.wire.malformed.judge import judge
from tests.wire.malformed.run import Outcome, run_all

AT_ONCE = 32
# How long something smuggled may take to show up once the client has all its answers.
SETTLE = 0.5


@dataclass
class Report:
    outcomes: dict[str, list[Outcome]]
    records: dict[bytes, list[Record]]
    strays: list[str]
    unexplained: list[bytes]
    sidecar_errors: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def report() -> AsyncIterator[Report]:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        outcomes = await run_all(CASES, sidecar.port, AT_ONCE)
        await asyncio.sleep(SETTLE)
        report = Report({}, {}, engine.strays, [], "")
        for outcome in outcomes:
            report.outcomes.setdefault(outcome.case.id, []).append(outcome)
        for record in engine.records:
            # The head, and not the body, in which a request may be quoted.
            if (token := re.search(rb"-k\d+[wb]-", record.message.head)) is None:
                report.unexplained.append(record.message.head)
            else:
                report.records.setdefault(token[0], []).append(record)
        await sidecar.stop()
        report.sidecar_errors = sidecar.errors
        yield report


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_one_reading_or_a_refusal(case: Case, report: Report) -> None:
    problems = {
        outcome.token.decode(): found
        for outcome in report.outcomes[case.id]
        if (found := judge(outcome, report.records.get(outcome.token, [])))
    }
    assert not problems


def test_the_engine_saw_nothing_that_is_not_a_request(report: Report) -> None:
    assert report.strays == []


def test_every_request_at_the_engine_belongs_to_a_case(report: Report) -> None:
    assert report.unexplained == []


def test_the_sidecar_wrote_no_traceback(report: Report) -> None:
    assert report.sidecar_errors == ""


def test_the_ids_of_the_cases_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 350
