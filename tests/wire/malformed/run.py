"""Sends one case and says what became of it."""

import asyncio
from dataclasses import dataclass, field

from tests.harness.raw_client import Answer, BrokenOff, RawClient
from tests.harness.strict_http import Ambiguous
from tests.harness.wire import Ending, Gone
from tests.wire.malformed.case import TOKEN, Case

FOLLOW = b"GET /innocent/@@ HTTP/1.1\r\nHost: t\r\n\r\n"
HANG = 8.0
SILENCE = 0.3
# Longer messages go in larger pieces, or a few of them would take longer than all the others.
ONE_BYTE_UP_TO = 2048


@dataclass
class Outcome:
    """What the client saw of one run."""

    case: Case
    token: bytes
    answers: list[Answer] = field(default_factory=list)
    ending: Ending | None = None
    problems: list[str] = field(default_factory=list)
    followed: bool = False

    def of(self, template: bytes) -> bytes:
        return template.replace(TOKEN, self.token)


async def run(case: Case, port: int, token: bytes, *, bytewise: bool) -> Outcome:
    outcome = Outcome(case, token)
    data = outcome.of(case.raw + (FOLLOW if case.follow else b""))
    step = (1 if len(data) <= ONE_BYTE_UP_TO else 61) if bytewise else 0
    async with await RawClient.connect(port) as client:
        sending = asyncio.create_task(client.send(data, step=step))
        try:
            await _listen(client, outcome, sending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return outcome


async def _listen(client: RawClient, outcome: Outcome, sending: asyncio.Task[None]) -> None:
    if outcome.case.expect.waits:
        await sending
    limit = SILENCE if outcome.case.expect.waits else HANG
    try:
        async with asyncio.timeout(limit):
            while await _one_answer(client, outcome):
                pass
    except TimeoutError:
        if not outcome.case.expect.waits:
            outcome.problems.append(f"hang after {[one.status for one in outcome.answers]}")


async def _one_answer(client: RawClient, outcome: Outcome) -> bool:
    """False when there is nothing more to wait for."""
    method = outcome.case.raw.lstrip().partition(b" ")[0] if not outcome.answers else b"GET"
    try:
        answer = await client.answer(method, HANG)
    except Gone as gone:
        outcome.ending = gone.ending
        if gone.rest:
            outcome.problems.append(f"half an answer: {gone.rest[:200]!r}")
        return False
    except (Ambiguous, BrokenOff) as error:
        outcome.problems.append(f"bad answer: {error}")
        return False
    outcome.answers.append(answer)
    outcome.followed = answer.body == b"ok " + outcome.of(b"/innocent/@@")
    return outcome.case.follow and not outcome.followed


async def run_all(cases: list[Case], port: int, at_once: int) -> list[Outcome]:
    """Every case whole and then one byte at a time, some of them at once."""
    room = asyncio.Semaphore(at_once)

    async def one(case: Case, number: int, *, bytewise: bool) -> Outcome:
        async with room:
            token = (b"-k%db-" if bytewise else b"-k%dw-") % number
            return await run(case, port, token, bytewise=bytewise)

    return await asyncio.gather(
        *(
            one(case, number, bytewise=bytewise)
            for bytewise in (False, True)
            for number, case in enumerate(cases)
        )
    )
