"""Anything that clients may do in any order, at two processes, beside a model of a few lines.

Chapters are short here, so that each example goes through many, and time passes by months.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.dialects.agentcore.memory import histories
from sidecar.dialects.agentcore.memory.api import MemoryApi
from sidecar.dialects.agentcore.memory.histories import DAY, LIFETIME
from sidecar.dialects.intent import ApiRequest
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.stage import ACTOR, MEMORY, Stage, said
from tests.harness.clock import MovedClock

KEEP = 90 * DAY
SESSIONS = ("s1", "s2")

PROCESS = st.integers(0, 1)
SESSION = st.sampled_from(SESSIONS)
STEP = st.one_of(
    st.tuples(
        st.just("create"), PROCESS, SESSION, st.integers(0, 5), st.integers(0, 9) | st.none()
    ),
    st.tuples(st.just("delete"), PROCESS, SESSION, st.integers(0, 99)),
    st.tuples(st.just("list"), PROCESS, SESSION, st.integers(1, 7)),
    st.tuples(st.just("sessions"), PROCESS),
    st.tuples(st.just("wait"), st.sampled_from([1, 29, 60])),
)


@dataclass
class Model:
    """What each session has: (id, made) and the events that were made with each token."""

    now: float = 0.0
    events: dict[str, list[tuple[str, float]]] = field(
        default_factory=lambda: {each: [] for each in SESSIONS}
    )
    tokens: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def alive(self, session: str) -> list[str]:
        kept = [name for name, made in self.events[session] if made + KEEP > self.now]
        return sorted(kept, reverse=True)


class World:
    """Two processes on one place, and the model."""

    def __init__(self, path: Path) -> None:
        self.clock = MovedClock()
        self._stores = [
            TmpfsStore(Root(path), clock=self.clock, ttl_limit=LIFETIME) for _ in range(2)
        ]
        self._apis = [Stage(self.clock, store).api() for store in self._stores]
        self._model = Model(self.clock.wall())

    async def run(self, steps: list[tuple[Any, ...]]) -> None:
        for name, *arguments in steps:
            await getattr(self, name)(*arguments)
        for session in SESSIONS:
            for process in range(2):
                await self.list(process, session, 3)
        for store in self._stores:
            await store.stop()

    async def create(self, process: int, session: str, time: int, number: int | None) -> None:
        model, members = self._model, {} if number is None else {"clientToken": f"t{number}"}
        answer = await call(
            self._apis[process],
            "POST",
            f"/memories/{MEMORY}/events",
            actorId=ACTOR,
            sessionId=session,
            eventTimestamp=time,
            payload=[said("x" * 100)],
            **members,
        )
        name = answer["event"]["eventId"]
        known = model.tokens.get((session, f"t{number}"))
        if known is not None and known[1] + KEEP > model.now:
            assert name == known[0]
            return
        if known is not None and not await self._is_there(process, session, name):
            # Its token is still known, though its event is over.
            assert name == known[0]
            return
        assert name not in model.alive(session)
        others = [each for each in model.events[session] if each[0] != name]
        model.events[session] = [*others, (name, model.now)]
        if number is not None:
            model.tokens[session, f"t{number}"] = name, model.now

    async def _is_there(self, process: int, session: str, name: str) -> bool:
        answer = await call(self._apis[process], "POST", base(session), maxResults=100)
        return name in [event["eventId"] for event in answer["events"]]

    async def delete(self, process: int, session: str, place: int) -> None:
        alive = self._model.alive(session)
        if not alive:
            return
        name = alive[place % len(alive)]
        path = f"{base(session)}/events/{name.replace('#', '%23')}"
        assert await call(self._apis[process], "DELETE", path) == {"eventId": name}
        kept = self._model.events[session]
        self._model.events[session] = [each for each in kept if each[0] != name]

    async def list(self, process: int, session: str, size: int) -> None:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = await call(
                self._apis[process], "POST", base(session), maxResults=size, **token
            )
            found += [event["eventId"] for event in answer["events"]]
            if "nextToken" not in answer:
                break
            assert len(answer["events"]) == size
            token = {"nextToken": answer["nextToken"]}
        assert found == self._model.alive(session)

    async def sessions(self, process: int) -> None:
        path = f"/memories/{MEMORY}/actor/{ACTOR}/sessions"
        chosen = {"filter": {"eventFilter": "HAS_EVENTS"}}
        answer = await call(self._apis[process], "POST", path, **chosen)
        found = {each["sessionId"] for each in answer["sessionSummaries"]}
        assert found == {each for each in SESSIONS if self._model.alive(each)}

    async def wait(self, days: int) -> None:
        self.clock.advance(days * DAY)
        self._model.now = self.clock.wall()


def base(session: str) -> str:
    return f"/memories/{MEMORY}/actor/{ACTOR}/sessions/{session}"


async def call(api: MemoryApi, method: str, path: str, **members: Any) -> dict[str, Any]:
    answer = await api.handle(
        ApiRequest(method, path, "", {}, (), json.dumps(members).encode() if members else b"")
    )
    assert answer.status in (200, 201), answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


@pytest.fixture(scope="module", autouse=True)
def _short_chapters() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "CHAPTER_SIZE", 1200)
        yield


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_whatever_clients_do(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        asyncio.run(_run(Path(path) / "memory", steps))


async def _run(path: Path, steps: list[tuple[Any, ...]]) -> None:
    await World(path).run(steps)
