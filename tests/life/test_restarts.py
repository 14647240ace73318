"""An engine that is killed once a second: no hang, nothing sent twice, no answer of another
session.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.wire import Gone
from tests.life.asking import once, ping_becomes
from tests.life.mortal import MortalEngine

LIVES = 8
CLIENTS = 10
RECOVERY = 1.5
# No answer takes longer than the engine's, which is 20 ms; the machine may be busy.
NO_HANG = 3.0


@dataclass
class Story:
    """What happened: who was answered, what was refused, when the engine was up."""

    answered: list[str] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    up_at: list[float] = field(default_factory=list)
    over: bool = False


def post(body: bytes, session: bytes) -> bytes:
    return (
        b"POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\n"
        b"X-Amzn-SageMaker-Session-Id: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (session, len(body), body)
    )


async def control(sidecar: SidecarProcess, kind: str, session: bytes = b"NEW_SESSION") -> bytes:
    """NEW_SESSION or CLOSE; the session's id as the answer has it."""
    body = json.dumps({"requestType": kind}).encode()
    request = post(body, session).replace(b"text/plain", b"application/json")
    answer = await once(sidecar.port, request)
    assert answer.status == 200
    header = b"New" if kind == "NEW_SESSION" else b"Closed"
    return answer.values(b"X-Amzn-SageMaker-%b-Session-Id" % header)[0].partition(b";")[0]


async def keep_asking(sidecar: SidecarProcess, engine_url: str, name: int, story: Story) -> None:
    """One client, one session, one question after the other."""
    session, numbers = await control(sidecar, "NEW_SESSION"), count()
    client = await RawClient.connect(sidecar.port)
    while not story.over:
        body = b"%d-%d" % (name, next(numbers))
        try:
            answer = await client.ask(post(body, session), NO_HANG)
        except (BrokenOff, Gone):
            story.refused[0] += 1
            await client.wire.close()
            client = await RawClient.connect(sidecar.port)
            continue
        if answer.status == 200:
            assert answer.body == session + b" " + body
            story.answered.append(body.decode())
            story.answered_at.append(asyncio.get_running_loop().time())
        else:
            assert engine_url in json.loads(answer.body)["error"]["message"]
            story.refused[answer.status] += 1
        await asyncio.sleep(0.005)
    await client.wire.close()
    assert await control(sidecar, "CLOSE", session) == session


async def kill_once_a_second(engine: MortalEngine, story: Story) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(LIVES):
        due = loop.time() + 1
        await engine.start()
        story.up_at.append(loop.time())
        await asyncio.sleep(due - loop.time())
        await engine.kill()
    await engine.start()
    story.up_at.append(loop.time())
    await asyncio.sleep(0.3)


async def test_an_engine_that_is_killed_once_a_second() -> None:
    story = Story()
    async with MortalEngine() as engine, SidecarProcess(engine.url) as sidecar:
        asking = [
            asyncio.create_task(keep_asking(sidecar, engine.url, name, story))
            for name in range(CLIENTS)
        ]
        await kill_once_a_second(engine, story)
        await ping_becomes(sidecar, 200, RECOVERY)
        story.over = True
        await asyncio.gather(*asking)

        deliveries = Counter(engine.deliveries())
        assert set(deliveries.values()) == {1}
        assert set(story.answered) <= deliveries.keys()
        assert set(story.refused) <= {502, 503}
        assert story.refused[503] and story.refused[502], "it was killed at work, and was gone"
        for up_at in story.up_at:
            assert any(up_at <= at <= up_at + RECOVERY for at in story.answered_at)
        assert await sidecar.stop() == 0
    assert sidecar.errors == ""
