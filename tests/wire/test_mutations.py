"""Good requests with bytes and lines changed at random: whatever they mean, they mean one thing.

The table in tests/wire/malformed knows what must happen; here only what must never happen is
known. The seed is fixed: a run that fails is a run that fails again.
"""

import asyncio
import contextlib
import random

import pytest

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import RecordingEngine
from tests.harness.wire import Gone

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUTANTS = 3000
AT_ONCE = 32
SILENCE = 0.1

SEEDS = (
    b"GET /a?b=c HTTP/1.1\r\nHost: t\r\nAccept: */*\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n0\r\nX-Trail: x\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    b'Content-Length: 17\r\n\r\n{"requestType":1}',
    b"GET /a HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: t\r\nX-Amzn-SageMaker-Session-Id: abc\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: t\r\n\r\nGET /b HTTP/1.1\r\nHost: t\r\n\r\n",
    b"POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
)
PIECES = (
    *(bytes([code]) for code in b'\x00\t\n\x0b\r "#%+,-./:;=?@[_|\x7f\x80\xff0159aZ'),
    b"\r\n",
    b"\r\n\r\n",
    b" \r\n ",
    b"chunked",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"Host: u\r\n",
    b"GET /c HTTP/1.1\r\n",
)


def mutate(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    lines = data.split(b"\r\n")
    line = dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            return data[:at] + dice.choice(PIECES) + data[at:]
        case 1:
            return data[:at] + dice.choice(PIECES) + data[at + 1 :]
        case 2:
            return data[:at] + data[at + dice.choice((1, 1, 2, 5)) :]
        case 3:
            return b"\r\n".join(lines[: line + 1] + lines[line:])
        case 4:
            lines[line] = lines[line].swapcase()
            return b"\r\n".join(lines)
        case _:
            other = dice.randrange(len(lines))
            lines[line], lines[other] = lines[other], lines[line]
            return b"\r\n".join(lines)


def mutants() -> list[bytes]:
    dice = random.Random(20)
    found = []
    for number in range(MUTANTS):
        data = SEEDS[number % len(SEEDS)]
        for _ in range(dice.choice((1, 1, 2, 3))):
            data = mutate(data, dice) or data
        found.append(data)
    return found


async def send_and_leave(port: int, data: bytes) -> list[int]:
    """The statuses of all answers; the connection must end soon after our own end of it."""
    statuses = []
    async with await RawClient.connect(port) as client:
        await client.send(data)
        with contextlib.suppress(Gone, TimeoutError):
            while True:
                statuses.append((await client.answer(limit=SILENCE)).status)
        client.wire.finish()
        with contextlib.suppress(BrokenOff):
            await client.closed(limit=8)
    return statuses


async def test_no_mutant_has_two_readings_gets_500_or_hangs(
    engine: RecordingEngine, sidecar: SidecarProcess
) -> None:
    room = asyncio.Semaphore(AT_ONCE)
    problems: list[tuple[bytes, str]] = []

    async def one(data: bytes) -> None:
        async with room:
            try:
                if 500 in await send_and_leave(sidecar.port, data):
                    problems.append((data, "500"))
            except Exception as error:  # a hang, or an answer that is none
                problems.append((data, repr(error)))

    await asyncio.gather(*(one(data) for data in mutants()))
    faults = [(one.message.head, one.faults) for one in engine.records if one.faults]
    assert (problems, faults, engine.strays) == ([], [], [])
    assert len(engine.records) > MUTANTS / 10  # most are refused, and some must not be
